"""Health, metrics and the live page."""
