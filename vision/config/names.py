"""Names that users give and that become part of keys and file names."""

from __future__ import annotations

import re

# Fits a Redis key between braces, an environment variable, a compose service and a file name.
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")


def checked_name(name: str, *, whose: str, part_of: str, length: int) -> str:
    """The name, if it is one of up to ``length`` characters.

    Raises:
        ValueError: It is not; the text says whose name becomes part of what.
    """
    if len(name) > length or not _NAME.fullmatch(name):
        raise ValueError(
            f"a {whose}'s name becomes part of {part_of}: use up to {length} of a-z, 0-9 and "
            "single '-' or '_' between them"
        )
    return name
