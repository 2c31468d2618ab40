# Databricks notebook source
# MAGIC %md
# MAGIC # What runs cost, and what would cost less
# MAGIC Every attempt of a task leaves a row in `run_costs`: an estimate from the cluster that the bundle declares and
# MAGIC list prices, without discounts. What the platform really billed is reconciled by the job `costs`.
# MAGIC
# MAGIC It reads `run_costs` and the bundle, and changes nothing.

# COMMAND ----------

# MAGIC %pip install --quiet --requirement ../requirements-databricks.txt

# COMMAND ----------

# MAGIC %pip install --quiet --no-deps ..

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

from pathlib import Path

from fraud_detection.notebooks import costs as look
from fraud_detection.notebooks.opening import open_context, require_tables
from runcosts.estimate_cli import open_bundle

dbutils.widgets.text("catalog", "spark_catalog", "Catalog")
dbutils.widgets.text("schema", "", "Schema (empty: the only one here)")
dbutils.widgets.text("target", "prod", "Target of the bundle")
dbutils.widgets.text("root", ".", "Folder in or below the bundle")

context = open_context(catalog=dbutils.widgets.get("catalog"), schema=dbutils.widgets.get("schema"))
require_tables(context, "run_costs")
ledger = look.read_ledger(context)

# COMMAND ----------

# MAGIC %md
# MAGIC ## By day
# MAGIC The first picture asks who spends, the second what for: work, or attempts that failed.

# COMMAND ----------

facts = look.gather_facts(ledger)
print(f"{facts.attempts} attempts of {facts.runs} runs: {facts.total:.4f} {facts.currency}, wasted {facts.waste:.4f}")
for figure in look.draw_costs(facts):
    display(figure)

# COMMAND ----------

# MAGIC %md
# MAGIC ## By task

# COMMAND ----------

display(look.list_tasks(facts))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What is to come
# MAGIC Each job of the bundle by its schedule and its past runs. A task that never ran has no figure, and is named.

# COMMAND ----------

root = look.find_bundle(Path(dbutils.widgets.get("root")))
outlook = look.open_outlook(root, ledger)
tree = open_bundle(root, dbutils.widgets.get("target"), None, outlook.settings)
display(look.estimate_jobs(tree, outlook))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Right-sizing
# MAGIC The cheapest cluster on which each task still has the memory that it used. Measured on a laptop, this is a
# MAGIC hint; measured on the cluster it is advice: then use `runcosts rightsize --catalog system`.

# COMMAND ----------

advice = look.advise_sizes(tree, outlook, ledger)
display(look.draw_advice(advice) if advice else "no task has been measured yet: run a job by localjobs, which measures")
display(look.list_advice(advice))
