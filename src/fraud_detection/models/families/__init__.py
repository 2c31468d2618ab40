"""Families of models: each learns from labelled rows in its own way, and all end as the numbers of a `Scorer`."""
