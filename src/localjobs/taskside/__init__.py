"""The folder on a task's PYTHONPATH: `localjobs_task` starts it, `dbruntime` gives it `dbutils`."""
