"""Changes of the settings while a role runs: what they are, and how a role follows them."""
