from localjobs_task.dbutils import DBUtils

DBUtils().jobs.taskValues.get("a", "k", default=1)
