"""A video file as the NAL units a camera would send."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av

from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CLOCK_HZ = 90_000
"""RTP clock of both payload formats (RFC 6184, section 8.2.1; RFC 7798, section 7.1)."""

_START_CODE = re.compile(rb"\x00\x00\x01")
_LIMIT_BYTES = 1 << 30


class Codec(StrEnum):
    """A codec by its RTP encoding name."""

    H264 = "H264"
    H265 = "H265"

    @property
    def parameter_sets(self) -> tuple[int, ...]:
        """NAL unit types of the parameter sets, in the order a decoder needs them."""
        return (7, 8) if self is Codec.H264 else (32, 33, 34)

    @property
    def delimiter(self) -> int:
        """NAL unit type of the access unit delimiter, which RTP has no use for."""
        return 9 if self is Codec.H264 else 35

    def nal_type(self, nal: bytes) -> int:
        """Type of a NAL unit without start code."""
        return nal[0] & 0x1F if self is Codec.H264 else nal[0] >> 1 & 0x3F


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture.

    Attributes:
        nals: NAL units without start codes; a key frame begins with its parameter sets.
        lag: Ticks from its presentation time to when it is sent; 0 without B-frames.
        step: Ticks until the next unit in decoding order is sent.
    """

    nals: tuple[bytes, ...]
    lag: int
    step: int


class _Picture(NamedTuple):
    time_s: Fraction
    is_keyframe: bool
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip in memory that starts with a key frame and can be looped without a seam.

    Attributes:
        codec: What it is coded with.
        parameter_sets: NAL units of the first key frame, for the session description.
        units: In decoding order; steps add up to the clip's length.
    """

    codec: Codec
    parameter_sets: tuple[bytes, ...]
    units: tuple[AccessUnit, ...]

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return len(self.units) * CLOCK_HZ / sum(unit.step for unit in self.units)

    @classmethod
    def load(cls, path: Path, fps: float | None = None) -> Clip:
        """Read a file's video stream, played at ``fps`` frames per second if given.

        Raises:
            ConfigError: The file is no H.264 or H.265 video, or one that cannot be looped.
        """
        codec, pictures = _read(path)
        # Leading pictures of an open GOP refer to what was cut off in front of the key frame.
        first = next((at for at, picture in enumerate(pictures) if picture.is_keyframe), None)
        if first is None:
            raise ConfigError(f"{path} holds no key frame: re-encode it")
        pictures = [p for p in pictures[first:] if p.time_s >= pictures[first].time_s]
        sets = _parameter_sets(codec, pictures[0].nals)
        if {codec.nal_type(nal) for nal in sets} != set(codec.parameter_sets):
            raise ConfigError(f"{path} lacks {codec} parameter sets: re-encode it")

        order = sorted(picture.time_s for picture in pictures)
        count, span_s = len(pictures), order[-1] - order[0]
        native_s = span_s / (count - 1) if span_s else Fraction(1, 25)
        frame_s = 1 / Fraction(fps) if fps else native_s
        shown = [round((p.time_s - order[0]) / native_s * frame_s * CLOCK_HZ) for p in pictures]
        # Sent in decoding order, each as early as it can be if none is sent before its time.
        sent = sorted(shown)
        lead = max(show - send for show, send in zip(shown, sent, strict=True))
        after = [*sent[1:], round(count * frame_s * CLOCK_HZ)]
        units = tuple(
            AccessUnit(_nals(codec, picture, sets), lag=send - show + lead, step=end - send)
            for picture, show, send, end in zip(pictures, shown, sent, after, strict=True)
        )
        return cls(codec, sets, units)


def _read(path: Path) -> tuple[Codec, list[_Picture]]:
    codecs = {"h264": Codec.H264, "hevc": Codec.H265}
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ConfigError(f"{path} is larger than 1 GiB: cut it, it is kept in memory")
        with av.open(f"file:{path}") as container:
            stream = container.streams.best("video")
            name = stream.codec.canonical_name if stream else "no"
            if stream is None or name not in codecs:
                raise ConfigError(
                    f"{path} holds {name} video where H.264 or H.265 is needed: "
                    "re-encode it, as in ffmpeg -i FILE -c:v libx264 clip.mp4"
                )
            to_annexb = av.BitStreamFilterContext(f"{name}_mp4toannexb", stream)
            packets = [
                p for raw in container.demux(stream) if raw.size for p in to_annexb.filter(raw)
            ]
    except (OSError, av.FFmpegError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}): name an H.264 or H.265 video"
        ) from error
    pictures = [
        _Picture(p.pts * p.time_base, p.is_keyframe, _split(bytes(p)))
        for p in packets
        if p.pts is not None
    ]
    if len(pictures) < len(packets):
        raise ConfigError(f"{path} holds no timestamps: put the video into an mp4 file")
    return codecs[name], pictures


def _split(stream: bytes) -> tuple[bytes, ...]:
    # H.264 and H.265, annex B: a NAL unit never ends in a zero byte, what follows it may.
    return tuple(nal for part in _START_CODE.split(stream) if len(nal := part.rstrip(b"\x00")) > 1)


def _parameter_sets(codec: Codec, nals: tuple[bytes, ...]) -> tuple[bytes, ...]:
    found = [nal for nal in nals if codec.nal_type(nal) in codec.parameter_sets]
    return tuple(sorted(dict.fromkeys(found), key=codec.nal_type))


def _nals(codec: Codec, picture: _Picture, sets: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if not picture.is_keyframe:
        return tuple(nal for nal in picture.nals if codec.nal_type(nal) != codec.delimiter)
    apart = (*codec.parameter_sets, codec.delimiter)
    rest = tuple(nal for nal in picture.nals if codec.nal_type(nal) not in apart)
    return (_parameter_sets(codec, picture.nals) or sets) + rest
