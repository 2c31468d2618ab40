"""What tests send to the online app."""

SCORE = "/api/v1/score"
JSON = {"Content-Type": "application/json"}
TRANSACTION = {
    "transaction_id": "T1",
    "event_time": "2018-09-30T12:34:56Z",
    "customer_id": "C1",
    "terminal_id": "M1",
    "amount": 57.25,
}
"""A good one, on the day before the app's today."""
