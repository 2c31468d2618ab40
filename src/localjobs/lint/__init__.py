"""Finds what is wrong with a bundle before it is deployed."""
