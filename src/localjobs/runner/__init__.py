"""Runs a job: processes, attempts, retries, dependencies."""
