"""What a parameter of a URL is called when its value is a credential."""

from __future__ import annotations

USER_NAME_KEYS = frozenset(["user", "usr", "username", "userid", "login", "account"])
"""Whole names whose value is a user name, which is no secret by itself."""

CREDENTIAL_KEYS = USER_NAME_KEYS | frozenset(
    [
        "password",
        "passwd",
        "passwort",
        "pass",
        "passphrase",
        "pwd",
        "psw",
        "pw",
        "pin",
        "token",
        "auth",
        "authorization",
        "jwt",
        "api",
        "apikey",
        "key",
        "secret",
        "signature",
        "sig",
        "sign",
        "hash",
        "session",
        "sessionid",
    ]
)
"""Whole names, in lower case, without what separates their parts."""

CREDENTIAL_WORDS = (
    "username",
    "userpass",
    "loginuse",
    "loginpas",
    "passw",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "credential",
    "signature",
    "apikey",
    "accesskey",
    "streamkey",
    "sessionkey",
    "authkey",
    "authinfo",
    "authbasic",
    "authorization",
)
"""What stands in no other name, so that a longer one with it is one too."""
