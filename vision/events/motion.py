"""Where a box will be: a Kalman filter per axis, in real seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vision.domain.contract import InRange

# Of the square root of the box's area: how far off a detector's box is, and what a body can do.
# Chosen with `python -m bench.tracking`, at 10 to 1 frames a second together.
_MEASURED = 0.14
_SIZE_MEASURED = 0.12
_SIZE_DRIFT_PER_S = 0.15
_FIRST_SPEED_PER_S = 0.6
_ACCELERATION_PER_S2 = 1.0
# Nobody keeps a speed for longer; what is not known then is how far, not which way.
_COAST_S = 1.5
# What a state that was written down may say: beyond, sums and squares would be no numbers.
_Value = Annotated[float, InRange(-1e30, 1e30)]
_Variance = Annotated[float, InRange(0.0, 1e60)]


@dataclass(slots=True)
class Axis:
    """Place and speed along one axis, and how sure they are (constant speed, white noise on it).

    The noises of ByteTrack's filter do not couple its axes, so that four small filters in plain
    floats say the same as one of eight dimensions.
    """

    place: _Value
    speed: _Value
    var_place: _Variance
    covariance: _Value
    var_speed: _Variance

    @classmethod
    def at(cls, place: float, scale: float) -> Axis:
        """Seen once, at an unknown speed; ``scale`` is the size of the box along the axis."""
        return cls(place, 0.0, (_MEASURED * scale) ** 2, 0.0, (_FIRST_SPEED_PER_S * scale) ** 2)

    def predict(self, seconds: float, scale: float) -> None:
        """Let time pass."""
        noise = (_ACCELERATION_PER_S2 * scale) ** 2
        self.place += self.speed * min(seconds, _COAST_S)
        grown = 2 * seconds * self.covariance + seconds**2 * self.var_speed + noise * seconds**3 / 3
        # Less than nothing only for a covariance that no filter comes to.
        self.var_place = max(0.0, self.var_place + grown)
        self.covariance += seconds * self.var_speed + noise * seconds**2 / 2
        self.var_speed += noise * seconds

    def update(self, seen: float, scale: float) -> None:
        """Take a sighting in."""
        total = self.var_place + (_MEASURED * scale) ** 2
        gain, gain_speed = self.var_place / total, self.covariance / total
        off = seen - self.place
        self.place += gain * off
        self.speed += gain_speed * off
        self.var_speed -= gain_speed * self.covariance
        self.covariance *= 1 - gain
        self.var_place *= 1 - gain


@dataclass(slots=True)
class Extent:
    """Width or height, which change slowly."""

    size: _Value
    variance: _Variance

    @classmethod
    def of(cls, size: float) -> Extent:
        """Seen once."""
        return cls(size, (_SIZE_MEASURED * size) ** 2)

    def predict(self, seconds: float) -> None:
        """Let time pass."""
        self.variance += (_SIZE_DRIFT_PER_S * self.size) ** 2 * seconds

    def update(self, seen: float) -> None:
        """Take a sighting in."""
        gain = self.variance / (self.variance + (_SIZE_MEASURED * self.size) ** 2)
        self.size += gain * (seen - self.size)
        self.variance *= 1 - gain
