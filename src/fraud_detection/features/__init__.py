"""Features: defined once, computed by several engines with equal results."""
