"""Benchmarks: ``python -m bench CASE``; committed results lie in ``bench/results``."""
