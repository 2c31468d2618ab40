"""Names of the platform's tables of bills and runs, below their catalog."""

USAGE = "billing.usage"
LIST_PRICES = "billing.list_prices"
TASK_TIMELINE = "lakeflow.job_task_run_timeline"
NODE_TIMELINE = "compute.node_timeline"
