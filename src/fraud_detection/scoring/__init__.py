"""The champion at work: in batch, in a stream and online."""
