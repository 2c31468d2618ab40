-- What a reconciliation asks, in order; each query may read the frames of those before it, by name in braces.

-- name: listed
-- A SKU that is listed in the ledger's currency counts in that one only; one that is listed in others keeps theirs, and
-- amounts of two currencies are never added.
SELECT *, max(currency_code = {currency}) OVER (PARTITION BY cloud, sku_name, usage_unit) AS in_own FROM {prices}

-- name: priced
-- The price of a row of usage is the one at its start.
SELECT u.record_id, u.workspace_id, u.usage_metadata.job_id, u.usage_metadata.job_run_id, u.usage_metadata.cluster_id,
  u.usage_start_time AS began, u.usage_end_time AS ended,
  unix_micros(u.usage_end_time) - unix_micros(u.usage_start_time) AS length,
  u.usage_date >= CAST({since} AS DATE) OR coalesce(u.ingestion_date >= CAST({since} AS DATE), false) AS touched,
  CAST(u.usage_quantity AS DECIMAL(18, 9)) AS dbu,
  coalesce(p.currency_code, {currency}) AS currency,
  CAST(u.usage_quantity AS DECIMAL(18, 9)) * CAST(p.pricing.default AS DECIMAL(18, 9)) AS billed,
  CAST(u.usage_quantity AS DECIMAL(18, 9))
    * CAST(coalesce(p.pricing.effective_list.default, p.pricing.default) AS DECIMAL(18, 9)) AS effective
FROM {usage} AS u LEFT JOIN {listed} AS p
  ON u.cloud = p.cloud AND u.sku_name = p.sku_name AND u.usage_unit = p.usage_unit
  AND u.usage_start_time >= p.price_start_time
  AND (p.price_end_time IS NULL OR u.usage_start_time < p.price_end_time)
  AND (p.currency_code = {currency} OR NOT p.in_own)
WHERE u.usage_unit = 'DBU'

-- name: overlaps
-- The task runs that used the compute of a row of usage at its time, and for how long.
SELECT u.record_id, u.currency, t.workspace_id, t.job_id, t.job_run_id, t.run_id AS task_run_id, t.task_key,
  u.job_run_id IS NULL AS shared, u.touched, u.length, u.billed, u.effective,
  sum(least(unix_micros(u.ended), unix_micros(t.period_end_time))
    - greatest(unix_micros(u.began), unix_micros(t.period_start_time))) AS used
FROM {priced} AS u JOIN {timeline} AS t
  ON u.workspace_id = t.workspace_id AND t.period_start_time < u.ended AND t.period_end_time > u.began
  AND (u.job_run_id IS NULL OR u.job_run_id = t.job_run_id)
  AND IF(u.cluster_id IS NULL, u.job_run_id = t.job_run_id, array_contains(t.compute_ids, u.cluster_id))
GROUP BY ALL

-- name: split
-- What no task used of a row is left over: of a run's own cluster the run pays it, of a shared one nobody does.
SELECT *, CAST(billed * used / whole AS DECIMAL(28, 12)) AS allocated,
  CAST(effective * used / whole AS DECIMAL(28, 12)) AS allocated_effective
FROM (
  SELECT *, CAST(greatest(length, sum(used) OVER (PARTITION BY record_id, currency)) AS DECIMAL(18, 0)) AS whole
  FROM {overlaps}
)

-- name: ends
SELECT workspace_id, run_id, max_by(result_state, period_end_time) FILTER (WHERE result_state IS NOT NULL) AS state
FROM {timeline} GROUP BY workspace_id, run_id

-- name: recorded
SELECT workspace, task_run_id, currency, sum(dbu_usd) AS estimated FROM {ledger} GROUP BY ALL

-- name: tasks
SELECT s.workspace_id AS workspace, s.job_id, s.job_run_id, s.task_run_id, s.task_key, s.currency,
  max(e.state) AS result_state, CAST(sum(s.allocated) AS DECIMAL(18, 6)) AS allocated,
  CAST(max(r.estimated) AS DECIMAL(18, 6)) AS estimated, max(r.task_run_id) IS NOT NULL AS recorded,
  max(s.touched) AS touched
FROM {split} AS s
LEFT JOIN {ends} AS e ON s.workspace_id = e.workspace_id AND s.task_run_id = e.run_id
LEFT JOIN {recorded} AS r ON s.workspace_id = r.workspace AND s.task_run_id = r.task_run_id AND s.currency = r.currency
GROUP BY ALL

-- name: starts
SELECT workspace_id, job_run_id, cluster_id, min(period_start_time) AS first
FROM (SELECT *, explode_outer(compute_ids) AS cluster_id FROM {timeline}) GROUP BY ALL

-- name: waited
-- The cluster counts before its first task starts.
SELECT u.record_id, u.currency, u.billed * greatest(least(unix_micros(u.ended), unix_micros(s.first))
  - unix_micros(u.began), 0) / CAST(greatest(u.length, 1) AS DECIMAL(18, 0)) AS startup
FROM {priced} AS u JOIN {starts} AS s
  ON u.workspace_id = s.workspace_id AND u.job_run_id = s.job_run_id AND u.cluster_id = s.cluster_id

-- name: parts
SELECT u.workspace_id, u.job_id, u.job_run_id, u.currency, u.began, u.ended, u.touched, u.dbu,
  IF(u.billed IS NULL, u.dbu, 0) AS unpriced_dbu, u.billed, u.effective, w.startup
FROM {priced} AS u LEFT JOIN {waited} AS w ON u.record_id = w.record_id AND u.currency = w.currency
WHERE u.job_run_id IS NOT NULL
UNION ALL
SELECT workspace_id, job_id, job_run_id, currency, NULL, NULL, touched, 0, 0, allocated, allocated_effective, 0
FROM {split} WHERE shared

-- name: run_bills
SELECT workspace_id AS workspace, job_id, job_run_id, currency, min(began) AS first_used, max(ended) AS last_used,
  sum(dbu) AS dbu, sum(unpriced_dbu) AS unpriced_dbu, coalesce(sum(billed), 0) AS billed,
  coalesce(sum(effective), 0) AS effective, coalesce(sum(startup), 0) AS startup
FROM {parts} GROUP BY workspace_id, job_id, job_run_id, currency HAVING max(touched)

-- name: worked
SELECT workspace, job_run_id, currency, sum(allocated) AS allocated,
  sum(IF(recorded, 0, allocated)) AS unrecorded,
  sum(IF(result_state IN ('SUCCEEDED', 'SUCCESS'), 0, allocated)) AS failed
FROM {tasks} GROUP BY ALL

-- name: recorded_runs
-- Attempts without an estimate have no currency, and nothing to compare.
SELECT workspace, job_run_id, currency, max(job_name) AS job_name, count(*) AS attempts,
  sum(dbu_usd) AS estimated, sum(machine_usd) AS estimated_machines
FROM {ledger} WHERE currency IS NOT NULL GROUP BY workspace, job_run_id, currency

-- name: compared
SELECT b.*, r.job_name, coalesce(r.attempts, 0) AS attempts, r.estimated, r.estimated_machines,
  coalesce(w.unrecorded, 0) AS unrecorded, coalesce(w.failed, 0) AS failed,
  b.billed - coalesce(w.allocated, 0) - b.startup AS idle, b.billed - r.estimated AS difference
FROM {run_bills} AS b
LEFT JOIN {worked} AS w USING (workspace, job_run_id, currency)
LEFT JOIN {recorded_runs} AS r USING (workspace, job_run_id, currency)

-- name: runs
SELECT workspace, job_id, job_name, job_run_id, currency, first_used, last_used,
  CAST(dbu AS DECIMAL(18, 6)) AS dbu, CAST(unpriced_dbu AS DECIMAL(18, 6)) AS unpriced_dbu,
  CAST(billed AS DECIMAL(18, 6)) AS billed, CAST(estimated AS DECIMAL(18, 6)) AS estimated,
  CAST(estimated_machines AS DECIMAL(18, 6)) AS estimated_machines,
  CAST(difference AS DECIMAL(18, 6)) AS difference, CAST(startup AS DECIMAL(18, 6)) AS startup,
  CAST(idle AS DECIMAL(18, 6)) AS idle, CAST(unrecorded AS DECIMAL(18, 6)) AS unrecorded,
  CAST(difference - startup - idle - unrecorded AS DECIMAL(18, 6)) AS other,
  CAST(failed AS DECIMAL(18, 6)) AS failed, CAST(effective - billed AS DECIMAL(18, 6)) AS discount,
  CAST(attempts AS INT) AS attempts
FROM {compared}
