"""A value that must not be shown: whatever prints it prints asterisks."""

from __future__ import annotations

from typing import NoReturn, Self

from pydantic import SecretStr


class Secret(SecretStr):
    """pydantic's ``SecretStr``, which also refuses to be pickled.

    Its repr, str and format say nothing, so neither does a dataclass, an f-string or a dump of
    local variables that holds one. ``get_secret_value()`` is for the edge where a library
    wants the plain text, and is called nowhere else.
    """

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret stays in its process: let the other one read the secret file")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self
