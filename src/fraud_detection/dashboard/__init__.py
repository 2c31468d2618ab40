"""The dashboard of the bundle as a page: the same file, the same queries, drawn without a workspace."""
