"""All scheduled jobs of a bundle on one week."""
