"""Local stand-ins for clusters: Spark Connect servers that the tasks of a run share."""
