"""What runs inside a task's process: the standard library only, so that it works in any environment."""
