"""From files in the landing folder to clean, deduplicated tables."""
