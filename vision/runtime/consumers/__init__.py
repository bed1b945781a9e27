"""Roles that read what is published and make something of it."""
