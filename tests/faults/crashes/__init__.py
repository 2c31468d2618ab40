"""Kills tasks at their commit points and compares what a second run leaves with what an undisturbed one leaves."""

TIMES_OF_DATA = ("ingested_at", "updated_at", "first_seen_at", "checked_at")
"""Columns of the tables of data_prep in which two undisturbed runs differ."""
