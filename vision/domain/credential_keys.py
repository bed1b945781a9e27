"""What a parameter of a URL is called when its value is a credential."""

from __future__ import annotations

CREDENTIAL_KEYS = frozenset(
    [
        "user",
        "usr",
        "username",
        "login",
        "password",
        "passwd",
        "passwort",
        "pass",
        "pwd",
        "pw",
        "token",
        "auth",
        "key",
        "secret",
    ]
)
