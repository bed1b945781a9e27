"""The ways one text can be spelled on its way to a sink, and how to find them all.

Enumerating encodings of a whole credential misses the next one: which characters a quoting
function leaves alone differs from library to library. So each *character* has its spellings
(as it is, percent-encoded, as an HTML entity, escaped as in JSON, Python or a shell, each also
encoded once more), and a text is found if it can be read off as any sequence of them. Reading
keeps a set of positions, as a finite automaton does: time grows with the length of a text and no
faster, whereas a backtracking regular expression over the same alternatives is exponential in
backslashes.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name

Span = tuple[int, int]

# At any place stands at most one of them, and none begins within another: a row of them can be
# read in one way only.
_BACKSLASH = re.compile(r"\\|%(?:25){0,2}5[Cc]|&(?:amp;)?#(?:92|x5c);")
_BACKSLASHES = tuple(
    sorted(
        {
            "\\",
            *(f"%{'25' * depth}{code}" for depth in range(3) for code in ("5C", "5c")),
            *(f"&{'amp;' * depth}{code}" for depth in range(2) for code in ("#92;", "#x5c;")),
        },
        key=len,
        reverse=True,
    )
)
_BACKSLASH_STARTS = {backslash[0] for backslash in _BACKSLASHES}
# Four encoders, one after the other, make fifteen of a quote's one.
_MOST_BACKSLASHES = 16
_RUN = re.compile("[A-Za-z0-9]+")
# An encoder that escapes letters or digits has no need to: where one did, no letter of a
# secret need be there as it is, and looking for those first would miss it.
_CODE = r"(3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
# What repeats is possessive, and a row of backslashes is read from its first one only: reading it
# again from each place in it would take quadratic time.
_ODD = re.compile(
    rf"%(?:25)*+{_CODE}|(?<!\\)\\++(?:x|u00|U000000){_CODE}"
    rf"|&(?:amp;)*+#(?:[xX]0*+{_CODE}|0*+(\d{{0,7}}));"
)
_CONTROLS = {"\n": "n", "\r": "r", "\t": "t", "\a": "a", "\b": "b", "\f": "f", "\v": "v"}
_SHELL_QUOTES = ("'\"'\"'", "'\\''")


def without_odd_escapes(text: str) -> str:
    """``text`` with each letter and digit that stands escaped as it is, else ``text`` itself."""
    return _ODD.sub(_letter, text) if "%" in text or "\\" in text or "&" in text else text


def _letter(match: re.Match[str]) -> str:
    percent, escaped, hexadecimal, decimal = match.groups()
    code = (
        int(decimal or "0") if decimal is not None else int(percent or escaped or hexadecimal, 16)
    )
    letter = chr(code) if code < 0x80 else ""  # noqa: PLR2004  ASCII
    return letter if letter.isalnum() else match[0]


class EncodedSecret:
    """Finds one text in all its spellings.

    Args:
        value: The text, not empty.
        bounded: Whether it counts only where no letter or digit adjoins.
        token: Whether what is found extends over the rest of a base64 word.
    """

    __slots__ = ("_anchor_at", "_bounded", "_token", "anchor", "value")

    def __init__(self, value: str, *, bounded: bool = False, token: bool = False) -> None:
        self.value = value
        self._bounded = bounded
        self._token = token
        run = max(_RUN.finditer(value), key=lambda match: match.end() - match.start(), default=None)
        self.anchor = run[0] if run else ""
        """Letters and digits that stand in all usual spellings as they are."""
        self._anchor_at = run.span() if run else (0, 0)

    def spans(self, text: str, *, thorough: bool) -> Iterator[Span]:
        """Where it stands in ``text``; ``thorough`` also where its letters are escaped."""
        word_end = -1
        for start, end in self._everywhere(text) if thorough else self._around_anchor(text):
            if self._bounded and _adjoins_word(text, start, end):
                continue
            if not self._token:
                yield start, end
            elif end > word_end:
                # Once for each word, however often it stands in there.
                start, word_end = _base64_word(text, start, end)  # noqa: PLW2901  the whole word instead
                yield start, word_end

    def _around_anchor(self, text: str) -> Iterator[Span]:
        if not self.anchor:
            yield from self._everywhere(text)
            return
        before, after = self.value[: self._anchor_at[0]], self.value[self._anchor_at[1] :]
        at = text.find(self.anchor)
        while at >= 0:
            behind = at + len(self.anchor)
            ends = _forward(text, {behind: behind}, after)
            starts = _backward(text, {at}, before) if ends else set()
            if starts:
                yield min(starts), max(ends)
            at = text.find(self.anchor, at + 1)

    def _everywhere(self, text: str) -> Iterator[Span]:
        first = _spellings(self.value[0]).keys() | _BACKSLASH_STARTS
        starts = {at: at for at, character in enumerate(text) if character in first}
        for end, start in sorted(_forward(text, starts, self.value).items()):
            yield start, end


def _forward(text: str, reached: dict[int, int], value: str) -> dict[int, int]:
    """Read ``value`` from all positions at once.

    Args:
        text: What is read.
        reached: Positions, and for each the least one that reading began at.
        value: The text to be read in any spelling.

    Returns:
        As ``reached``, for the ends.
    """
    for character in value:
        spellings = _spellings(character)
        found: dict[int, int] = {}
        for position, start in _after_backslashes(text, reached).items():
            some = spellings.get(text[position : position + 1], ())
            # Of all at once first: mostly it is none of them.
            if not text.startswith(some, position):
                continue
            for spelling in some:
                if text.startswith(spelling, position):
                    end = position + len(spelling)
                    found[end] = min(start, found.get(end, end))
        reached = found
        if not reached:
            break
    return reached


def _after_backslashes(text: str, reached: dict[int, int]) -> dict[int, int]:
    """``reached``, and what is behind up to so many backslashes from there.

    Each row of backslashes is walked once. At each place in it the least beginning counts of all
    that are few enough backslashes before it: a minimum over a window that slides along.
    """
    ahead = [at for at in reached if text[at : at + 1] in _BACKSLASH_STARTS]
    if not ahead:
        return reached
    found = reached.copy()
    walked_to = -1
    for at in sorted(ahead):
        if at > walked_to:
            walked_to = _walk(text, at, reached, found)
    return found


def _walk(text: str, at: int, reached: dict[int, int], found: dict[int, int]) -> int:
    """Walk over the backslashes at ``at`` as long as something reaches there; where it ended."""
    # How many backslashes in, and its beginning; those that a later, lesser one beats are gone.
    window = deque[tuple[int, int]]()
    for count in itertools.count():
        start = reached.get(at)
        if start is not None:
            while window and window[-1][1] >= start:
                window.pop()
            window.append((count, start))
        if window[0][0] < count - _MOST_BACKSLASHES:
            window.popleft()
        if not window:
            break
        found[at] = window[0][1]
        backslash = _BACKSLASH.match(text, at)
        if backslash is None:
            break
        at = backslash.end()
    return at


def _backward(text: str, reached: set[int], value: str) -> set[int]:
    """Where reading ``value`` up to one of the positions ``reached`` can begin."""
    for character in reversed(value):
        spellings = _spellings_by_end(character)
        found = {
            at - len(spelling)
            for at in reached
            for spelling in spellings.get(text[at - 1 : at], ())
            if text.endswith(spelling, 0, at)
        }
        reached = _before_backslashes(text, found)
        if not reached:
            break
    return reached


def _before_backslashes(text: str, reached: set[int]) -> set[int]:
    ahead = {at for at in reached if text.endswith(_BACKSLASHES, 0, at)}
    if not ahead:
        return reached
    for _ in range(_MOST_BACKSLASHES):
        ahead = {
            at - len(backslash)
            for at in ahead
            for backslash in _BACKSLASHES
            if text.endswith(backslash, 0, at)
        } - reached
        if not ahead:
            break
        reached = reached | ahead
    return reached


@lru_cache(maxsize=4096)
def _spellings(character: str) -> dict[str, tuple[str, ...]]:
    """All spellings of a character, by their first character.

    Backslashes before one are read by the caller, so that escapes of escapes need no entry.
    """
    once = {character, *_percent(character), *_entities(character), *_escapes(character)}
    found = once | {spelled for one in once if len(one) > 1 for spelled in _once_more(one)}
    if character == "'":
        found.update(_SHELL_QUOTES)
    if character == " ":
        found |= {"+", "%2B", "%2b"}
    if not character.isascii():
        found |= _undecoded(character)
    return _grouped(found, 0)


@lru_cache(maxsize=4096)
def _spellings_by_end(character: str) -> dict[str, tuple[str, ...]]:
    """As :func:`_spellings`, by their last character."""
    return _grouped({one for some in _spellings(character).values() for one in some}, -1)


def _grouped(spellings: set[str], by: int) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for spelling in spellings:
        groups.setdefault(spelling[by], []).append(spelling)
    return {character: tuple(some) for character, some in groups.items()}


def _percent(character: str) -> Iterator[str]:
    encodings = ["utf-8"] + (["latin-1"] if "\x80" <= character <= "\xff" else [])
    for encoding in encodings:
        data = character.encode(encoding, "surrogatepass")
        for depth in range(3):
            upper = "".join(f"%{'25' * depth}{byte:02X}" for byte in data)
            yield from (upper, upper.lower())


def _entities(character: str) -> Iterator[str]:
    code = ord(character)
    names = [f"#{code};", f"#{code:03d};", f"#x{code:x};", f"#x{code:X};", f"#x{code:02X};"]
    if code in codepoint2name:
        names.append(f"{codepoint2name[code]};")
    if character == "'":
        names.append("apos;")
    for name in names:
        yield from (f"&{name}", f"&amp;{name}")


def _escapes(character: str) -> Iterator[str]:
    code = ord(character)
    if character in _CONTROLS:
        yield _CONTROLS[character]
    units = [code]
    if code > 0xFFFF:  # noqa: PLR2004  beyond it JSON writes a pair of surrogates
        yield from (f"U{code:08x}", f"U{code:08X}")
        units = [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]
    yield from _joined([f"u{unit:04x}" for unit in units])
    if code <= 0xFF:  # noqa: PLR2004  one byte in Latin-1
        yield from _joined([f"x{code:02x}"])
    data = character.encode("utf-8", "surrogatepass")
    yield from _joined([f"x{byte:02x}" for byte in data])
    yield from _joined([f"{byte:03o}" for byte in data])


def _joined(codes: list[str]) -> Iterator[str]:
    upper = [code[0] + code[1:].upper() for code in codes]
    for backslashes in (1, 2, 4):
        yield from (("\\" * backslashes).join(one) for one in (codes, upper))


def _once_more(spelling: str) -> Iterator[str]:
    """What a second encoder makes of the marks in a spelling."""
    if "%" not in spelling:
        for text in (spelling, spelling.replace("\\", "\\\\")):
            marks = text.replace("&", "%26").replace(";", "%3B").replace("#", "%23")
            yield from (marks.replace("\\", "%5C"), marks.lower().replace("\\", "%5c"))
    yield spelling.replace("&", "u0026")


def _undecoded(character: str) -> set[str]:
    """What wrong or lenient decoders make of a character beyond ASCII."""
    data = character.encode("utf-8", "surrogatepass")
    lost = {mark * count for mark in ("?", "\ufffd") for count in range(1, len(data) + 1)}
    return lost | {data.decode("latin-1"), data.decode("ascii", "surrogateescape")}


def _adjoins_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and text[start].isalnum() and text[start - 1].isalnum()
    after = end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
    return before or after


def _base64_word(text: str, start: int, end: int) -> Span:
    """The whole of the word: its ends hold the value's first and last bits."""
    while start > 0 and _is_base64(text[start - 1]):
        start -= 1
    while end < len(text) and (_is_base64(text[end]) or text[end] == "="):
        end += 1
    return start, end


def _is_base64(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "+/-_")
