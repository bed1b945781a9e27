"""Redis: clients, connections that come back, and errors in words."""
