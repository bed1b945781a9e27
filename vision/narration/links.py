"""What a reader's software would make a link of: chats, mail and notifications do so on their own.

A sentence has no use for any of it, so it is looked for broadly: any scheme, any name with a dot
before letters, addresses of mail and of machines, mentions, commands and telephone numbers.
"""

from __future__ import annotations

import html
import re
import unicodedata

# As IDNA has it (RFC 3490, section 3.1): the ideographic one separates labels of a domain, too.
_DOTS = str.maketrans("\u3002", ".")
# Where a sentence follows the one before without a space, some would read a domain: Tor.Ein
_MISSING_SPACE = re.compile(r"(?<=[^\W\d_]{2}\.)(?=[^\W\d_])")
# The German way of writing for all genders: Nachbar:in, jede:r.
_GENDER = r"(?:in|innen|e|er|es|en|em|n|r|s|m|frau|mann)\b"
_CLICKABLE = re.compile(
    rf"""
      \b[a-z][a-z0-9+.-]*:(?!{_GENDER})[^\s:]      # a scheme, or a host and its port
    | \b(?:javascript|vbscript|mailto|ftps?)\s*:   # even with a space behind it
    | //
    | \bwww\d?\.
    | [^\W_][\w-]*\.(?:[^\W\d_]{{2,}}|xn--)        # a domain
    | \b\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b            # an IPv4 address
    | [0-9a-f]*::[0-9a-f]*                         # an IPv6 address
    | \b(?:[0-9a-f]{{1,4}}:){{3,}}
    | @\w                                          # an address of mail, or a mention
    | \w@
    | (?<![\w/.])/[a-z]                            # a command
    | \+\s?\d(?:[\ ()/.-]{{0,2}}\d){{6,}}          # a telephone number
    | \b0\d{{2,5}}[\ /-]{{1,3}}\d{{3,}}
    | &\#?\w+;                                     # a character of HTML
    """,
    re.IGNORECASE | re.VERBOSE,
)


def with_spaces(text: str) -> str:
    """``text`` with a space after each sentence that had none."""
    return "".join(
        f"{part} " if next_part[:1].isupper() else part
        for part, next_part in _pairs(_MISSING_SPACE.split(text))
    )


def is_clickable(text: str) -> bool:
    """Whether any part of ``text``, on one line, would become a link, however it is disguised."""
    return any(_CLICKABLE.search(_folded(one)) for one in (text, html.unescape(text)))


def _pairs(parts: list[str]) -> zip[tuple[str, str]]:
    return zip(parts, [*parts[1:], ""], strict=True)


def _folded(text: str) -> str:
    """As a program reads it that treats alike what looks alike, or is not seen at all."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKC", text).translate(_DOTS)
        if unicodedata.category(character) not in ("Cf", "Mn", "Me")
    )
