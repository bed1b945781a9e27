"""Roles that read what the pipeline published."""
