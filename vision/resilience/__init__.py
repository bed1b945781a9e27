"""Backoff, log damping and worker supervision; knows no stage."""
