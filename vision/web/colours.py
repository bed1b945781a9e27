"""One colour per label, the same in snapshots and on the page (page/colours.js)."""

from __future__ import annotations

Colour = tuple[int, int, int]

PALETTE = (
    "#67e8f9",
    "#fde047",
    "#fda4af",
    "#fdba74",
    "#bef264",
    "#86efac",
    "#c4b5fd",
    "#93c5fd",
    "#5eead4",
    "#f0abfc",
)
# FNV-1a, its halves folded, with an offset that keeps people, vehicles, pets and signs apart.
OFFSET = 48899
PRIME = 16777619

INK: Colour = (15, 23, 42)


def colour_of(label: str) -> Colour:
    """Red, green and blue of a label; dark ink reads well on it."""
    number = OFFSET
    for byte in label.encode():
        number = (number ^ byte) * PRIME & 0xFFFFFFFF
    # Multiplying by an odd prime leaves the lowest bit what the letters make it: the high half helps.
    folded = number ^ number >> 16
    red, green, blue = bytes.fromhex(PALETTE[folded % len(PALETTE)][1:])
    return red, green, blue
