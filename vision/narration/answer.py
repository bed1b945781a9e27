"""What a provider answered: taken if it is a sentence or two, refused if it is anything else."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import orjson

from vision.domain.errors import VisionError
from vision.domain.narration import AttemptOutcome
from vision.narration.links import is_clickable, with_spaces


class AttemptFailedError(VisionError):
    """A provider did not answer; holds nothing of what it sent, nor what it was asked with."""

    def __init__(self, outcome: AttemptOutcome, rest_s: float | None = None) -> None:
        """``rest_s`` is for how long it wants to be left alone, None if it did not say."""
        super().__init__(outcome.value)
        self.outcome = outcome
        self.rest_s = rest_s


LONGEST_TEXT = 400
"""Characters; two sentences have less."""

_MOST_SENTENCES = 2
_QUOTES = {'"': '"', "'": "'", "„": "“", "“": "”", "«": "»", "»": "«"}
# Markup and code: nobody who reads an event aloud wants them, an attacker might.
_FOREIGN = re.compile(r"[<>{}\[\]|\\`]|\*\*|#")
_END = re.compile(r"(?<=[.!?…])(?<!\b\w\.)\s+(?=[^\W\d_]|[„“\"'(]|\d)")
_ENDING = (".", "!", "?", "…", '."', ".“", ".”")


def text_of(body: bytes) -> str:
    """The sentence or two in the body of an answer.

    Raises:
        AttemptFailedError: It is no answer, or its text is not usable.
    """
    choice = _choice(body)
    content = choice["message"].get("content")
    if not isinstance(content, str):
        raise AttemptFailedError(AttemptOutcome.MALFORMED)
    return clean(content, is_cut=choice.get("finish_reason") == "length")


def clean(text: str, *, is_cut: bool = False) -> str:
    """``text`` as one or two sentences on one line.

    ``is_cut`` says that its last sentence may not be whole, and is left out.

    Raises:
        AttemptFailedError: Nothing usable is left.
    """
    if len(text) > 10 * LONGEST_TEXT:
        raise AttemptFailedError(AttemptOutcome.UNUSABLE)
    line = _one_line(text)
    sentences = _END.split(line)
    if is_cut:
        sentences = [one for one in sentences if one.endswith(_ENDING)]
    line = with_spaces(" ".join(sentences[:_MOST_SENTENCES]))
    letters = sum(map(str.isalpha, line))
    # A third of letters: what else has them is a table, a number or noise.
    if not letters or letters * 3 < len(line) or len(line) > LONGEST_TEXT:
        raise AttemptFailedError(AttemptOutcome.UNUSABLE)
    if _FOREIGN.search(line) or is_clickable(line):
        raise AttemptFailedError(AttemptOutcome.UNUSABLE)
    return line if line.endswith(_ENDING) else f"{line}."


def _choice(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
        choice = document["choices"][0]
        if isinstance(choice["message"], dict):
            return choice
    except (orjson.JSONDecodeError, LookupError, TypeError):
        pass
    raise AttemptFailedError(AttemptOutcome.MALFORMED)


def _one_line(text: str) -> str:
    kept = "".join(
        " " if unicodedata.category(character)[0] in "ZC" else character
        for character in unicodedata.normalize("NFC", text)
    )
    line = " ".join(kept.split())
    while len(line) > 1 and _QUOTES.get(line[0]) == line[-1]:
        line = line[1:-1].strip()
    return line
