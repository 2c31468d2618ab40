-- What the nodes of a cluster did while the task runs of the last days used it. Minutes that two tasks share count for
-- both, so that no task seems to need less than it may.
WITH task_runs AS (
  SELECT job_id, job_run_id, task_key, run_id, cluster_id,
    min(period_start_time) AS began, max(period_end_time) AS ended
  FROM (SELECT *, explode(compute_ids) AS cluster_id FROM {timeline})
  GROUP BY ALL
), recent AS (
  SELECT * FROM (
    SELECT *, dense_rank() OVER (PARTITION BY job_id, task_key ORDER BY began DESC, run_id) AS age FROM task_runs
  ) WHERE age <= {last}
)
SELECT r.job_id, r.job_run_id, r.task_key, r.run_id, n.start_time, n.driver, n.node_type,
  count(DISTINCT n.instance_id) AS nodes,
  (unix_micros(max(least(n.end_time, r.ended))) - unix_micros(min(greatest(n.start_time, r.began)))) / 1e6 AS seconds,
  sum(n.cpu_user_percent + n.cpu_system_percent) AS busy_percent, sum(n.cpu_wait_percent) AS wait_percent,
  max(n.mem_used_percent) AS memory_percent, max(n.mem_swap_percent) AS swap_percent,
  sum(n.network_sent_bytes + n.network_received_bytes) AS network_bytes
FROM recent AS r JOIN {nodes} AS n
  ON r.cluster_id = n.cluster_id AND n.start_time < r.ended AND n.end_time > r.began
GROUP BY ALL
