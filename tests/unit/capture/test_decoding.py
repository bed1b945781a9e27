"""Packets to pictures: damaged ones, and streams without key frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import cycle, islice

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from tests.support.encoded_video import (
    FPS,
    decoder,
    encode,
    nal_units,
    packet_of,
    panned,
    still,
    with_start_codes,
)
from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame, Packet, PacketTime, StreamDecoder
from vision.capture.scale import Scaler
from vision.capture.sleep import DecoderSleep
from vision.domain.errors import SourceError

_GOP = 10
_FIXED = f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0:open-gop=0"
_REFRESH = f"intra-refresh=1:keyint={_GOP}:scenecut=0"
_STEP_NS = round(1e9 / FPS)
# A picture whose luma differs by more than this at a pixel is wrong there.
_LEVELS = 25
_TRIALS = 400


class StillScene:
    """A scene in which nothing moves, for ever."""

    due_ns = 1 << 62

    def shut_for_ns(self, mono_ns: int) -> int:
        """As of the gate."""
        return mono_ns


class Stream:
    """A decoder whose packets come evenly."""

    def __init__(
        self,
        codec: str,
        wanted_fps: float | None = None,
        sleep: DecoderSleep[Packet] | None = None,
    ) -> None:
        self.counters = CaptureCounters()
        self._decoder = StreamDecoder(decoder(codec), self.counters, wanted_fps, sleep)
        self._at = 0

    def show(self, packet: av.Packet[VideoStream]) -> list[DecodedFrame]:
        """What comes of the next packet."""
        self._at += 1
        mono_ns = self._at * _STEP_NS
        packet.opaque = time = PacketTime(mono_ns, mono_ns, None)
        return [*self._decoder.pictures(packet, time)]

    def show_all(self, packets: Iterable[av.Packet[VideoStream]]) -> list[DecodedFrame]:
        """What comes of many."""
        return [each for packet in packets for each in self.show(packet)]


def grey(picture: av.VideoFrame) -> np.ndarray:
    """Luma, signed."""
    return picture.reformat(format="gray").to_ndarray().astype(int)


def wrong_share(seen: Sequence[DecodedFrame], truth: Sequence[av.VideoFrame]) -> float:
    """Of the pixels of the worst picture, compared with the one that was sent."""
    return max(
        float((abs(grey(each.picture) - grey(truth[each.picture.pts or 0])) > _LEVELS).mean())
        for each in seen
    )


def test_intra_refresh_is_decoded_whole_however_slow_the_pace() -> None:
    """Pictures at recovery points are made of those before, so none may be left out."""
    truth = panned(8 * _GOP)
    stream = Stream("h264", wanted_fps=1.0)
    seen = [each for packet in encode(truth, params=_REFRESH) for each in stream.show(packet)]
    assert len(seen) == len(truth)
    assert wrong_share(seen, truth) < 0.01
    assert stream.counters.lacks_key_frames


def test_key_frames_suffice_for_a_slow_pace_as_ever() -> None:
    """Of a stream that has them, nothing else is decoded once they prove to be in time."""
    truth = panned(8 * _GOP)
    for codec in ("h264", "hevc"):
        stream = Stream(codec, wanted_fps=1.0)
        seen = [each for packet in encode(truth, codec, _FIXED) for each in stream.show(packet)]
        assert [each.picture.pts for each in seen][-3:] == [5 * _GOP, 6 * _GOP, 7 * _GOP]
        assert stream.counters.decoded == len(truth)
        assert wrong_share(seen, truth) < 0.01
        assert not stream.counters.lacks_key_frames


def test_a_camera_that_turns_to_intra_refresh_is_decoded_whole_again() -> None:
    """What was kept since the last key frame is decoded when none comes in time."""
    truth = panned(10 * _GOP)
    packets = encode(truth[: 5 * _GOP], params=_FIXED) + encode(truth[5 * _GOP :], params=_REFRESH)
    stream = Stream("h264", wanted_fps=1.0)
    seen = [each for packet in packets for each in stream.show(packet)]
    assert wrong_share(seen, truth) < 0.01
    late = [each.picture.pts or 0 for each in seen if (each.picture.pts or 0) >= 6 * _GOP]
    assert late == [*range(6 * _GOP, 10 * _GOP)]


@pytest.mark.parametrize(
    ("codec", "params"),
    [
        ("h264", f"{_FIXED}:bframes=2"),
        ("hevc", f"{_FIXED}:bframes=2"),
        ("hevc", f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0:bframes=3:open-gop=1"),
        ("h264", f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0:bframes=3:open-gop=1"),
        ("h264", f"{_FIXED}:slices=4"),
        ("hevc", f"{_FIXED}:slices=4"),
        ("hevc", f"intra-refresh=1:keyint={_GOP}:min-keyint=1:scenecut=0"),
    ],
)
@pytest.mark.parametrize("wanted_fps", [1.0, 10.0])
def test_every_picture_that_comes_out_is_whole(codec: str, params: str, wanted_fps: float) -> None:
    """Open groups with leading pictures, pictures sent ahead, and several slices."""
    truth = panned(8 * _GOP)
    options = {"tune": "psnr"} if "bframes" in params else {}
    stream = Stream(codec, wanted_fps)
    packets = encode(truth, codec, params, options=options)
    seen = [each for packet in packets for each in stream.show(packet)]
    assert len(seen) >= 8
    assert wrong_share(seen, truth) < 0.01


def test_a_decoder_does_not_sleep_on_recovery_points() -> None:
    """However still the scene is; of key frames it does."""
    shades = np.linspace(40, 200, 320).astype(np.uint8)
    truth = still(12 * _GOP, np.tile(shades[None, :, None], (240, 1, 3)))
    slept = {}
    for params in (_FIXED, _REFRESH):
        sleep: DecoderSleep[Packet] = DecoderSleep(StillScene(), 60.0, 10.0)
        stream = Stream("h264", 10.0, sleep)
        for packet in encode(truth, params=params, options={"crf": "35"}):
            for each in stream.show(packet):
                assert wrong_share([each], truth) < 0.01
        slept[params] = stream.counters.slept
    assert slept[_FIXED] > _GOP
    assert slept[_REFRESH] == 0


@pytest.mark.parametrize("has_key_frame", [False, True])
def test_a_stream_that_never_decodes_says_whether_it_has_key_frames(
    has_key_frame: bool,  # noqa: FBT001  a parameter
) -> None:
    """FFmpeg begins H.265 with one, so intra refresh that is joined later never begins."""
    packets = encode(panned(_GOP), "hevc", f"intra-refresh=1:keyint={_GOP}:min-keyint=1")[1:]
    if has_key_frame:
        broken = with_start_codes([b"\x26\x01\x00\x00\x00"])
        packets.append(packet_of(broken))
    stream = Stream("hevc")
    with pytest.raises(SourceError, match="packets in a row do not decode") as caught:
        stream.show_all(islice(cycle(packets), 1000))
    assert ("no key frame is among them" in caught.value.reason) is not has_key_frame


def damaged(
    packet: av.Packet[VideoStream], random: np.random.Generator, bits: int
) -> av.Packet[VideoStream]:
    """Some bits flipped, each in a NAL unit of its own choice."""
    units = [bytearray(unit) for unit in nal_units(packet)]
    for _ in range(bits):
        unit = units[random.integers(len(units))]
        # Every second one among the first bytes, where parameters and headers are.
        end = len(unit) if random.random() < 0.5 else min(len(unit), 24)
        unit[random.integers(end)] ^= 1 << random.integers(8)
    copy = packet_of(with_start_codes(map(bytes, units)), is_flagged=packet.is_keyframe)
    copy.pts, copy.time_base = packet.pts, packet.time_base
    return copy


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("seed", range(4))
def test_no_damage_is_more_than_an_error_that_is_counted(codec: str, seed: int) -> None:
    """In parameter sets or slices; each picture can be scaled; afterwards all is as before."""
    random, scaler = np.random.default_rng(seed), Scaler(64)
    truth = panned(2 * _GOP, 160, 128)
    packets = encode(truth, codec, _FIXED)
    stream = Stream(codec, 5.0)
    for _ in range(_TRIALS // len(packets)):
        for packet in packets:
            shown = damaged(packet, random, 1 + int(random.integers(3)))
            for each in stream.show(shown if random.random() < 0.5 else packet):
                with suppress(SourceError):
                    scaler.scale(each.picture)
    assert stream.counters.decode_errors > 0
    seen = [each for _ in range(3) for packet in packets for each in stream.show(packet)]
    assert len(seen) > _GOP
    assert wrong_share(seen[-_GOP:], truth) < 0.01


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_parameter_set_with_one_wrong_bit_is_an_error_that_is_counted(codec: str) -> None:
    """Whatever class the decoder's error is of: H.265 answers with several."""
    first, *others = encode(panned(_GOP), codec, _FIXED)
    sets = {"h264": {7, 8}, "hevc": {32, 33, 34}}[codec]
    classes = Counter[str]()
    units = nal_units(first)
    for number, unit in enumerate(units):
        kind = unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        if kind not in sets:
            continue
        for bit in range(16, 8 * len(unit)):
            bad = bytearray(unit)
            bad[bit // 8] ^= 1 << bit % 8
            packet = packet_of(
                with_start_codes([*units[:number], bytes(bad), *units[number + 1 :]])
            )
            context = decoder(codec)
            context.decode(first)
            try:
                context.decode(packet)
            except Exception as error:  # noqa: BLE001  their classes are what is asked for
                classes[type(error).__name__] += 1
            stream = Stream(codec)
            stream.show(first)
            stream.show(packet)
            for each in (*others[:2], first, *others):
                last = stream.show(each)
            assert last
    assert len(classes) >= {"h264": 1, "hevc": 3}[codec]
