"""Kills tasks at their commit points and compares what a second run leaves with what an undisturbed one leaves."""
