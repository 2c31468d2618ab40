"""The champion watched at work: what arrives, how it scores, what its decisions were worth, and when to train again."""
