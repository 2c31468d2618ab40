"""Reads a bundle from its files and resolves it as `databricks bundle validate` does."""
