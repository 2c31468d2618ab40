# Databricks notebook source
# MAGIC %md
# MAGIC # Transactions
# MAGIC What arrived, when, how much, where fraud is, and what was refused. Everything is counted by Spark where the
# MAGIC rows are; only the counts come here to be drawn.
# MAGIC
# MAGIC It reads `silver_transactions`, `silver_labels` and `quarantine`, and writes nothing.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from fraud_detection.notebooks import transactions as look
from fraud_detection.notebooks.opening import open_context, require_tables

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")

context = open_context(catalog=dbutils.widgets.get("catalog"), schema=dbutils.widgets.get("schema"))
require_tables(context, "silver_transactions", "silver_labels")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Days
# MAGIC A label comes a week after its transaction. The share of fraud of the last days is therefore not low: it is
# MAGIC not known. Those days are left out, and grey; so must whoever trains or judges a model leave them out.

# COMMAND ----------

transactions = look.read_transactions(context)
days = look.count_days(transactions)
print(
    f"{days['transactions'].sum():,} transactions of {len(days)} days, {days['labelled'].sum():,} labelled, "
    f"{days['frauds'].sum():,} known as fraud ({days['frauds'].sum() / days['labelled'].sum():.2%})"
)
display(look.draw_days(days))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Hours
# MAGIC If fraud had its hours, the right map would not look like noise. The features `is_night` and `is_weekend` are
# MAGIC worth what is to be seen here.

# COMMAND ----------

display(look.draw_hours(look.count_hours(transactions)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Amounts
# MAGIC Each curve sums to 100 % of its own class. Where the orange one stands alone, the amount by itself gives fraud
# MAGIC away; where they overlap, a model needs to know what is usual for the card: that is `amount_over_usual`.

# COMMAND ----------

display(look.draw_amounts(look.count_amounts(transactions)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Terminals
# MAGIC Compromised terminals stay so for weeks. What was known of a terminal seven days ago is what the features
# MAGIC `terminal_fraud_share_…` tell the model.

# COMMAND ----------

display(look.find_worst_terminals(transactions))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was refused
# MAGIC A line that breaks a rule goes to `quarantine` with its text and every reason; nothing is lost silently.

# COMMAND ----------

refusals = look.count_refusals(context)
display(look.draw_refusals(refusals) if len(refusals) else "no line is in quarantine")
