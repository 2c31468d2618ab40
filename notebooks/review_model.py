# Databricks notebook source
# MAGIC %md
# MAGIC # The model and its champion
# MAGIC Which versions there are, why the champion passed, where it is weak, how its scores lie, and what its alerts
# MAGIC were worth.
# MAGIC
# MAGIC It reads the registry, `predictions`, `gold_savings` and `silver_labels`, and moves no alias: that is
# MAGIC `fraud-model promote`.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from fraud_detection.notebooks import model as look
from fraud_detection.notebooks.opening import open_context, require_tables

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")
dbutils.widgets.text("model_name", "", "Model (empty: the only one here)")

context = open_context(
    catalog=dbutils.widgets.get("catalog"),
    schema=dbutils.widgets.get("schema"),
    model_name=dbutils.widgets.get("model_name"),
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Versions
# MAGIC Rejected candidates are registered too, without an alias: what was tried is not forgotten.

# COMMAND ----------

display(look.tell_versions(context))
champion, verdict = look.open_champion(context)
print(f"version {champion.number} is champion; the gate said: {verdict.word}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The test week
# MAGIC One week that training did not see. The bars are 95 % intervals from drawing cards anew: two versions whose
# MAGIC intervals overlap need the paired comparison that the gate makes.

# COMMAND ----------

display(look.draw_intervals(verdict))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Where it is weak
# MAGIC A dot far left of the dashed line is a slice in which the ranking is worse than on the whole. Small dots are
# MAGIC luck.

# COMMAND ----------

display(look.draw_slices(verdict))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Scores
# MAGIC Those of transactions whose label has come. The threshold is where a review begins to pay, by the settings
# MAGIC `costs`.

# COMMAND ----------

require_tables(context, "predictions", "gold_savings", "silver_labels")
display(look.draw_scores(look.sample_scores(context, champion)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What alerts were worth
# MAGIC Days whose labels have begun to come; the last ones will still grow.

# COMMAND ----------

savings = look.read_savings(context, champion)
caught, frauds, saved = savings["caught"].sum(), savings["frauds"].sum(), savings["saving"].sum()
print(f"{caught:,} of {frauds:,} known frauds caught, {saved:,.0f} saved")
display(look.draw_savings(savings) if len(savings) else "no label of a scored transaction has come yet")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Every check of the gate

# COMMAND ----------

display(look.list_checks(verdict))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The card

# COMMAND ----------

displayHTML(look.render_card(context, champion, verdict))
