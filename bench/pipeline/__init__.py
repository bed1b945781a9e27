"""Simulated cameras through a node to a Redis subscriber, beside what the engine alone does."""
