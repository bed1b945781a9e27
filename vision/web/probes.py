"""What an orchestrator asks, and must be told however many others ask."""

PROBES = frozenset({"/livez", "/readyz"})
