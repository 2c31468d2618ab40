# Databricks notebook source
# MAGIC %md Not code.

# COMMAND ----------

x = 1

# COMMAND ----------

print(x + 1)
dbutils.notebook.exit("done")

# COMMAND ----------

print("never")
