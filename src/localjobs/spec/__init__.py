"""The settings of a job as typed, frozen values; whatever Databricks does not know is refused."""
