"""Sections of ``docs/performance.md``, each from the rows of its cases."""
