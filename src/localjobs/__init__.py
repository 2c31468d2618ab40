"""Runs the jobs of a Databricks Asset Bundle (Declarative Automation Bundle) on this machine."""
