"""How large pictures are to be where the model itself is not at hand."""

from __future__ import annotations

from vision.artefacts.catalogue import load_catalogue
from vision.config.settings import Settings


def picture_size(settings: Settings) -> int:
    """Longest side, in pixels, that the model of the settings wants pictures to have.

    A model chosen by ``auto`` that takes one size only is not known here. Its pictures are
    scaled once more by the inference worker when ``model.input_size`` is another.
    """
    entry = load_catalogue().models.get(settings.model.name)
    if entry is None or entry.input == "dynamic":
        return settings.model.input_size
    return max(entry.input)
