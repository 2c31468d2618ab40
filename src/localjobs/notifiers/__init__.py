"""Tell people: e-mail, webhooks, and plug-ins."""
