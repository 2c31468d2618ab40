"""What a task should run on, by what it used."""
