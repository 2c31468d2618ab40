# Databricks notebook source
# MAGIC %md
# MAGIC # Drift
# MAGIC Whether what arrives still looks like what the champion learned from, whether its decisions are still worth as
# MAGIC much, and what the task `monitor` decided.
# MAGIC
# MAGIC It reads `drift`, `model_quality`, `monitoring` and `transaction_features`, and starts nothing.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from fraud_detection.notebooks import drift as look
from fraud_detection.notebooks.opening import open_context, require_tables

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")
dbutils.widgets.text("model_name", "", "Model (empty: the only one here)")
dbutils.widgets.text("settings", "", "Settings file (empty: the defaults)")

context = open_context(
    catalog=dbutils.widgets.get("catalog"),
    schema=dbutils.widgets.get("schema"),
    model_name=dbutils.widgets.get("model_name"),
    settings=dbutils.widgets.get("settings"),
)
require_tables(context, "transaction_features", "drift", "monitoring")
limits = context.settings.monitoring

# COMMAND ----------

# MAGIC %md
# MAGIC ## Which features moved, and when
# MAGIC The population stability index (PSI) compares a week with the days that were held out of training: 0 is the
# MAGIC same distribution. A row that darkens day by day is drift; one that turns dark at once is more likely a broken
# MAGIC column.

# COMMAND ----------

drift = look.read_drift(context)
ranking = look.rank_drift(drift)
moved = (ranking["psi"] > limits.max_psi).sum()
print(f"on {drift['day'].max()} {moved} of {len(ranking)} features are over {limits.max_psi}")
display(look.draw_drift(drift, limits.max_psi))

# COMMAND ----------

# MAGIC %md
# MAGIC ## How they moved
# MAGIC The features that moved most, then and now, in the bins that are kept with the model.

# COMMAND ----------

display(look.draw_then_and_now(look.compare_with_training(context, list(ranking["feature"]))))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Volume

# COMMAND ----------

display(look.draw_volume(drift, limits.volume_factor))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What decisions were worth
# MAGIC Drift is a hint; this is the matter. It comes a week late, with the labels.

# COMMAND ----------

quality = look.read_quality(context)
display(look.draw_quality(quality) if len(quality) else "no week has been judged yet")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was decided
# MAGIC Broken data never starts a training: nothing shall be learned from it. `monitoring` holds every alarm in full.

# COMMAND ----------

display(look.read_decisions(context))
