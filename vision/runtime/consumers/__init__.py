"""Roles that read what others have published."""
