"""What the notebooks of the folder `notebooks` show: questions to the tables, and the pictures of the answers."""
