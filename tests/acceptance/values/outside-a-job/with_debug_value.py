from localjobs_task.dbutils import DBUtils

print(DBUtils().jobs.taskValues.get("a", "k", debugValue=7))
