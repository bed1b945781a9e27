"""Runners of other programs, each in an environment of its own that ``make bench-peers`` makes.

They import nothing of the project but :mod:`bench.stamp`: what they need is the peer's.
"""
