"""Pictures of what runs cost."""
