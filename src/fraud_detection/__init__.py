"""Card-fraud detection on financial transactions: data, features, models and the tasks that chain them."""
