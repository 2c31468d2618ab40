"""Scores transactions as they happen: an HTTP app, the store of histories that it reads, and how that is filled."""
