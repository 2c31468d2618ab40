"""Runs the jobs of a Databricks bundle on this machine, from the bundle's own databricks.yml."""
