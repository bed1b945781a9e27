"""Messages on Redis: their names and their bytes here, a room for each side."""
