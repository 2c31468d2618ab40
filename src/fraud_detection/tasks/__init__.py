"""The tasks of the jobs: each reads tables, calls what is below, writes tables."""
