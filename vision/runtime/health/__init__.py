"""What a role says of itself, and whether it does its work."""
