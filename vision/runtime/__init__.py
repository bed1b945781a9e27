"""Wiring of the roles: processes, threads, signals."""
