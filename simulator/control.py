"""Faults on demand for a simulator that runs: commands in lines of text.

A line is the name of a camera, or ``*`` for all, and what to do, word by word::

    front stall=on
    front loss=0.1 corruption=0.02 seed=7
    yard show=other.mp4
    yard ntp_zero=on
    * cut

``NAME=VALUE`` sets an attribute of :class:`simulator.camera.Faults`, or turns one of
:data:`simulator.quirks.QUIRKS` on or off; ``seed=N`` makes what is random the same again;
``show=FILE`` changes the clip; ``cut`` breaks connections off.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulator.camera import Faults
from simulator.quirks import QUIRKS
from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from simulator.camera import Camera
    from simulator.clip import Clip
    from simulator.server import Server

_ALL = "*"
_SWITCH = {"on": True, "off": False}
_NONE = "none"
_DIGITS = 10
_APART = frozenset({"random", "quirks"})
_KINDS = {
    field.name: field.type for field in dataclasses.fields(Faults) if field.name not in _APART
}
_SHARES = frozenset({"loss", "corruption"})


class Control:
    """Carries out commands on the cameras of a server."""

    def __init__(self, server: Server, load: Callable[[Path], Clip]) -> None:
        """``load`` reads the clips that ``show`` names."""
        self._server = server
        self._load = load

    def answers(self, lines: Iterable[str]) -> Iterator[str]:
        """Carry out each line that is not empty, and say ``ok`` or ``error: WHY``."""
        for line in lines:
            if not line.strip():
                continue
            try:
                self.obey(line)
            except ConfigError as error:
                yield f"error: {error}"
            else:
                yield "ok"

    def obey(self, line: str) -> None:
        """Carry out one line; nothing of it when a word of it is not understood.

        Raises:
            ConfigError: There is no such camera or fault, or the value is not one for it.
        """
        name, *words = line.split()
        cameras = self._server.cameras
        if name != _ALL and name not in cameras:
            raise ConfigError(f"no camera {name!r}: known are {', '.join(cameras)} and *")
        if not words:
            raise ConfigError(f"{name}: nothing to do: add cut, show=FILE or FAULT=VALUE")
        steps = [self._step(word) for word in words]
        for chosen, camera in cameras.items():
            if name in {_ALL, chosen}:
                for step in steps:
                    step(chosen, camera)

    def _step(self, word: str) -> Callable[[str, Camera], None]:
        key, _, text = word.partition("=")
        match key:
            case "cut":
                return lambda name, _: self._server.cut(name)
            case "show":
                clip = self._load(Path(text))
                return lambda _, camera: camera.show(clip)
            case "seed":
                seed = _whole(key, text)
                return lambda _, camera: setattr(
                    camera.faults, "random", np.random.default_rng(seed)
                )
        if key in QUIRKS:
            quirk, is_on = QUIRKS[key], _switch(key, text)
            return lambda _, camera: camera.faults.switch(quirk, is_on=is_on)
        value = _value(key, text)
        return lambda _, camera: setattr(camera.faults, key, value)


def _value(key: str, text: str) -> bool | float | int | None:
    kind = _KINDS.get(key)
    if kind is None:
        known = ", ".join([*_KINDS, *QUIRKS])
        raise ConfigError(f"no fault {key!r}: known are {known}, seed, show and cut")
    if kind == "bool":
        return _switch(key, text)
    if kind != "float":
        return None if text == _NONE else _whole(key, text)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if key in _SHARES and not 0 <= number <= 1:
        raise ConfigError(f"{key}={text}: give a share from 0 to 1")
    if not math.isfinite(number) or (key == "slowdown" and number <= 0):
        raise ConfigError(f"{key}={text}: give a number{' above 0' * (key == 'slowdown')}")
    return number


def _switch(key: str, text: str) -> bool:
    if text not in _SWITCH:
        raise ConfigError(f"{key}={text}: give on or off")
    return _SWITCH[text]


def _whole(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ConfigError(f"{key}={text}: give a whole number")
    return int(text)
