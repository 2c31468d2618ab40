"""What the runs of a bundle's jobs cost: estimated before, logged during, reconciled after."""
