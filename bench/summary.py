"""What many values come to: percentiles, fairness, and the middle of several rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

_PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def percentiles(values: Iterable[float], name: str, unit: str) -> dict[str, float]:
    """Median, 95th and 99th percentile and largest as ``{name}_{p50}_{unit}``; none without values.

    Between two values a percentile is interpolated, as NumPy does by default.
    """
    data = np.fromiter(values, float)
    if not len(data):
        return {}
    return {
        f"{name}_{label}_{unit}": rounded(float(np.percentile(data, share)))
        for label, share in _PERCENTILES.items()
    }


def jain(rates: Iterable[float]) -> float:
    """Jain's index of fairness (DEC-TR-301, 1984): 1 if all get the same, 1/n if one gets all."""
    data = np.fromiter(rates, float)
    squares = float((data**2).sum())
    return rounded(float(data.sum()) ** 2 / (len(data) * squares)) if squares else 0.0


def middle(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median over rounds of each figure that every round has."""
    names = [name for name in rounds[0] if all(name in figures for figures in rounds)]
    return {
        name: rounded(float(np.median([figures[name] for figures in rounds]))) for name in names
    }


def spread(values: Sequence[float]) -> float:
    """Largest less smallest as a share of the median: how far rounds lie apart."""
    centre = float(np.median(values))
    return rounded((max(values) - min(values)) / centre) if centre else 0.0


def rounded(value: float) -> float:
    """Four significant digits: more than any timing holds."""
    return float(f"{value:.4g}")
