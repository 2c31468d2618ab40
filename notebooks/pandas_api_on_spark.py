# Databricks notebook source
# MAGIC %md
# MAGIC # pandas, pandas on Spark, Spark
# MAGIC One question, what each card spent, asked in three ways. The pandas API on Spark lets code that was written
# MAGIC for pandas run where the rows are. It is for exploring; the pipeline itself uses Spark and Polars
# MAGIC (`docs/explanation/pandas-or-spark.md` says why).
# MAGIC
# MAGIC It reads `silver_transactions` and `silver_labels`, and writes nothing.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from fraud_detection.notebooks import pandas_api as look
from fraud_detection.notebooks.opening import open_context, require_tables

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")

context = open_context(catalog=dbutils.widgets.get("catalog"), schema=dbutils.widgets.get("schema"))
require_tables(context, "silver_transactions", "silver_labels")
rows = look.read_spend(context)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same words
# MAGIC `look.spend_by_customer` is `groupby(…).agg(…)`, written once. Given a pandas frame, it computes here; given a
# MAGIC pandas-on-Spark frame, it makes a plan, and Spark computes.

# COMMAND ----------

in_pandas = look.spend_by_customer(rows.limit(1_000).toPandas())
on_spark = look.spend_by_customer(rows.limit(1_000).pandas_api())
print(type(in_pandas).__module__, "and", type(on_spark).__module__)
display(in_pandas.head(5).reset_index())

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same answer
# MAGIC Amounts are whole cents, so sums do not depend on the order in which Spark adds: equal means equal.

# COMMAND ----------

answers, seconds = look.ask(look.ways_to_ask(rows))
first = next(iter(answers.values()))
for way, answer in answers.items():
    print(f"{way}: {len(answer):,} customers, {'equal' if answer.equals(first) else 'DIFFERENT'}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Another price
# MAGIC On a laptop with little data pandas wins, and Spark pays for its plan. What pandas pays for is bringing every
# MAGIC row here: that grows with the data until it no longer fits, while the other two bring home one row a customer.

# COMMAND ----------

display(look.draw_seconds(seconds))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to know before using it
# MAGIC - **The plan is Spark's.** It is printed below: the groups are a shuffle, as in Spark's own words.
# MAGIC - **An index costs.** A frame without one gets a numbered index, which is another pass over the rows; a
# MAGIC   question that needs rows in order (`shift`, `rolling`, `iloc`) may bring all of them to one worker.
# MAGIC - **Order is not promised.** Sort before you compare, as above.
# MAGIC - **Types follow Spark.** `DECIMAL` comes as Python objects; whole cents come as integers.

# COMMAND ----------

look.spend_by_customer(rows.pandas_api()).spark.explain()
