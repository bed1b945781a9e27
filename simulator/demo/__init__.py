"""The node with all that it needs around it."""
