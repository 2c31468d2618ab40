# Databricks notebook source
# MAGIC %md
# MAGIC # Features
# MAGIC What the model knows of a transaction, how much of it tells fraud from the rest, and proof that nothing of it
# MAGIC was known only later.
# MAGIC
# MAGIC It reads `transaction_features` and silver, and writes nothing.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from fraud_detection.notebooks import features as look
from fraud_detection.notebooks.opening import open_context, require_tables

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")
dbutils.widgets.text("audited", "20", "Rows to audit")

context = open_context(catalog=dbutils.widgets.get("catalog"), schema=dbutils.widgets.get("schema"))
require_tables(context, "silver_transactions", "silver_labels", "transaction_features")
audited = int(dbutils.widgets.get("audited"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What there is
# MAGIC A group of features is one function in `src/fraud_detection/features/groups/`. *Reads* says what a window may
# MAGIC see: *visible labels* are those that had come by the time of the transaction.

# COMMAND ----------

display(look.list_features())

# COMMAND ----------

# MAGIC %md
# MAGIC ## How they tell fraud from the rest
# MAGIC Each alone, as if it were the whole model. A weak one may still be worth its place beside others; one that is
# MAGIC almost perfect alone would be a leak.

# COMMAND ----------

sample = look.sample_labelled(context)
ranking = look.rank_features(sample)
display(look.draw_ranking(ranking))

# COMMAND ----------

display(look.draw_by_class(sample, list(ranking["feature"].head(6))))

# COMMAND ----------

# MAGIC %md
# MAGIC ## One definition, two engines
# MAGIC The history of a few cards and terminals is computed on one node and by Spark. Not nearly equal: equal to the
# MAGIC last bit.

# COMMAND ----------

display(look.compare_engines(context))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The audit
# MAGIC Some published rows are computed anew from a history that is cut at their time: no later transaction, no label
# MAGIC that came later. A value that differs has looked ahead.

# COMMAND ----------

differences = look.audit(context, audited)
print(f"{audited} rows audited, {len(differences)} values differ")
display(differences if len(differences) else "every value is what was known at its time")

# COMMAND ----------

# MAGIC %md
# MAGIC Does the audit find anything at all? Here it is given a feature that cheats: it adds the label of its own row,
# MAGIC which comes a week later. Where a row is a fraud, the audit says so.

# COMMAND ----------

caught = look.audit_a_cheat(context, 10 * audited)
print(f"{len(caught)} values of the feature that cheats were caught")
display(caught.head(5))
