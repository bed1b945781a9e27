"""How large the packets of a still scene are, and whether they have begun to grow.

An encoder spends next to nothing on what does not change, so whoever enters shows in the size of
the packets before anybody decodes them. Sizes vary with the place in the group of pictures, so
each place has a mean of its own; and what is small is found by the sum of what is over it (CUSUM:
E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954), not by one packet.
"""

from __future__ import annotations

# Groups of pictures without a movement, until the mean of each place is worth something.
_LEARNED_GROUPS = 3
# Of a new value in the mean of a place, and in the spread over all places.
_PLACE_WEIGHT, _SPREAD_WEIGHT = 0.15, 0.01
# Headers alone vary by some bytes: a share of next to nothing is no sign.
_HEADER_BYTES = 16
# Mean deviation to standard deviation of a normal distribution, and the least that is believed.
_SIGMA, _LEAST_SIGMA = 1.25, 0.12
# In standard deviations: what a packet may be above its mean, and how far the sum may get. One
# packet may add so much.
_SLACK, _LIMIT, _MOST = 0.8, 6.0, 9.0
# A deviation beyond this is an event and no spread.
_OUTLIER = 2.0
# Groups in a row with larger packets than known, though nothing moves: it is another scene.
_RESTLESS_GROUPS = 3
# A camera that turns to one key frame a day has no places worth a mean.
_MOST_PLACES = 1500


class PacketSizeBaseline:
    """Learns from the packets between key frames, and judges each; one thread.

    Attributes:
        mean_bytes: Of a packet between key frames, as learned; 0 before.
    """

    def __init__(self) -> None:
        self.mean_bytes = 0.0
        self._means: list[float] = []
        self._place = self._learned = self._restless = self._seen = 0
        self._spread = self._sum = 0.0
        self._is_learned = self._rose = self._was_restless = False

    @property
    def is_calm(self) -> bool:
        """Whether sizes are known, and those since the key frame before the last were usual."""
        return self._learned >= _LEARNED_GROUPS and not self._was_restless

    def key_frame(self) -> None:
        """A group of pictures begins."""
        if self._is_learned and self._place:
            self._learned += 1
            self._restless = self._restless + 1 if self._rose else 0
            if self._restless >= _RESTLESS_GROUPS:
                self._means.clear()
                self._learned = self._restless = self._seen = 0
        self._was_restless, self._rose = self._rose, False
        self._place, self._is_learned = 0, True

    def rises(self, size: int, *, is_still: bool) -> bool:
        """Whether packets have become larger, with the next one of ``size`` bytes.

        It is learned from where ``is_still``: the picture is known not to move.
        """
        place, self._place = self._place, self._place + 1
        if place >= len(self._means):
            self._is_learned &= is_still
            if is_still and place == len(self._means) < _MOST_PLACES:
                self._means.append(float(size))
            return False
        excess = (size - self._means[place]) / (self._means[place] + _HEADER_BYTES)
        if self._learned >= _LEARNED_GROUPS:
            sigma = max(self._spread * _SIGMA, _LEAST_SIGMA)
            self._sum = max(0.0, self._sum + min(excess / sigma, _MOST) - _SLACK)
        has_risen: bool = self._sum > _LIMIT
        if has_risen:
            self._sum, self._rose = 0.0, True
        if is_still:
            self._learn(place, size, abs(excess))
        self._is_learned &= is_still
        return has_risen

    def _learn(self, place: int, size: int, deviation: float) -> None:
        self._seen += 1
        weight = max(_SPREAD_WEIGHT, 1 / self._seen)
        self._spread += (min(deviation, _OUTLIER) - self._spread) * weight
        self.mean_bytes += (size - self.mean_bytes) * weight
        weight = max(_PLACE_WEIGHT, 1 / (self._learned + 1))
        self._means[place] += (size - self._means[place]) * weight
