"""Feature groups: each a function from the ordered rows of whole entities to the same rows with new columns."""
