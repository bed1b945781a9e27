"""Names in Home Assistant's alphabet, of which no two things have the same."""

from __future__ import annotations

from collections.abc import Hashable


class UniqueNames:
    """Gives away names: the plain one to who comes first, one with a digest to who comes next."""

    def __init__(self) -> None:
        self._owners: dict[str, Hashable] = {}
        self._names: dict[Hashable, str] = {}

    def of(self, owner: Hashable, plain: str, digest: str) -> str:
        """The name of ``owner``, for good: ``plain`` if nobody else has it."""
        known = self._names.get(owner)
        if known is not None:
            return known
        name = plain
        while not self.claim(owner, name):
            name = f"{name}_{digest}"
        return name

    def claim(self, owner: Hashable, name: str) -> bool:
        """Whether ``owner`` has ``name`` from now on: it has no other one, and nobody else this."""
        if self._names.get(owner, name) != name or self._owners.get(name, owner) != owner:
            return False
        self._owners[name] = owner
        self._names[owner] = name
        return True
