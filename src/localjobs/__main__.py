"""`python -m localjobs`."""

from localjobs.cli import app

app()
