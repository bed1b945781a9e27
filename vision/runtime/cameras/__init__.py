"""The cameras of a role: their processes kept alive, their states and counts."""
