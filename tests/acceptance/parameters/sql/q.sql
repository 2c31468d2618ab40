select :day, :own
