"""An engine whose answers come when and in the order a test says, without a model."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.domain.detections import ModelInfo
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.inference.backend import RawResult
from vision.inference.letterbox import Letterbox

SIDE = 32
MODEL = ModelInfo("scripted", "0" * 64, "script", ("thing",))


def picture(number: int) -> Image:
    """A picture the engine recognises by ``number``, 0 to 255."""
    return np.full((SIDE * 3 // 2, SIDE), number, np.uint8)


@dataclass
class ScriptedResult:
    """Implements :class:`vision.inference.backend.BatchResult`."""

    ticket: int
    finished_mono_ns: int
    results: Sequence[RawResult] | InferenceError
    released: int = 0

    def release(self) -> None:
        """Count it, and spoil the results as an engine does that uses its memory again."""
        self.released += 1
        if not isinstance(self.results, InferenceError):
            for result in self.results:
                assert isinstance(result.output, np.ndarray)
                result.output[:] = np.nan


@dataclass
class ScriptedBackend:
    """Sees one thing in every picture, whose confidence is the picture's number / 255.

    Implements :class:`vision.inference.backend.Backend`. ``choose`` says which of the batches
    under way are answered when the worker asks; by default all of them are.
    """

    capacity: int = 1
    max_batch: int = 1
    refused: Callable[[int], bool] = lambda number: False  # noqa: ARG005  none is
    failed: Callable[[int], bool] = lambda number: False  # noqa: ARG005  none does
    choose: Callable[[list[int]], list[int]] = lambda tickets: tickets
    mono_ns: Callable[[], int] = lambda: 0
    batches: list[list[int]] = field(default_factory=list)
    answers: list[ScriptedResult] = field(default_factory=list)
    model: ModelInfo = MODEL
    input_size: int = SIDE

    def __post_init__(self) -> None:
        self._tickets = itertools.count(1)
        self._under_way: dict[int, list[int]] = {}
        self._finished: Callable[[], None] = lambda: None

    def free(self) -> int:
        """How many batches fit in."""
        return self.capacity - len(self._under_way)

    def submit(self, pictures: Sequence[Image]) -> int:
        """Take a batch; its answer may be asked for at once."""
        assert self.free() > 0
        assert 0 < len(pictures) <= self.max_batch
        numbers = [int(item[0, 0]) for item in pictures]
        if any(map(self.refused, numbers)):
            raise InferenceError("refused by the script")
        ticket = next(self._tickets)
        self._under_way[ticket] = numbers
        self.batches.append(numbers)
        self._finished()
        return ticket

    def finished(self) -> list[ScriptedResult]:
        """Answer those that ``choose`` names."""
        answers = [self._answer(ticket) for ticket in self.choose(list(self._under_way))]
        self.answers += answers
        if self._under_way:
            # The next ones could be asked for at once.
            self._finished()
        return answers

    def notify(self, finished: Callable[[], None]) -> None:
        """Tell ``finished`` whenever asking could be worth it."""
        self._finished = finished

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, ticket: int) -> ScriptedResult:
        numbers = self._under_way.pop(ticket)
        if any(map(self.failed, numbers)):
            return ScriptedResult(ticket, self.mono_ns(), InferenceError("failed by the script"))
        results = [
            RawResult(
                np.array([[16], [16], [8], [8], [number / 255]], np.float32),
                Letterbox(0, 0, SIDE, SIDE),
                (SIDE, SIDE),
            )
            for number in numbers
        ]
        return ScriptedResult(ticket, self.mono_ns(), results)


def latest_first(tickets: list[int]) -> list[int]:
    """One answer at a time, the last submitted first."""
    return tickets[-1:]


def at_random(seed: int) -> Callable[[list[int]], list[int]]:
    """Any of the batches under way in any order, at least one."""
    draw = random.Random(seed)

    def choose(tickets: list[int]) -> list[int]:
        return draw.sample(tickets, draw.randint(min(1, len(tickets)), len(tickets)))

    return choose
