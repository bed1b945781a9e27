"""The CPU engine on small networks made up on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.support import networks
from tests.support.networks import (
    InlineExecutor,
    ManualExecutor,
    ResultWaiter,
    answer_to,
    output_of,
)
from vision.config.core import InferenceSettings, ModelSettings
from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.frames.planar import from_rgb
from vision.inference.letterbox import Letterbox
from vision.inference.openvino_backend import OpenVinoBackend, OpenVinoBatchResult
from vision.inference.openvino_runtime import ov
from vision.inference.openvino_shapes import MAX_SHAPES

pytestmark = pytest.mark.integration

_SIZE = 128
_MODEL = ModelSettings(input_size=_SIZE)


def _picture(height: int, width: int, colour: tuple[int, int, int] = (255, 51, 0)) -> Image:
    return from_rgb(np.full((height, width, 3), colour, np.uint8))


def _input_size(answer: OpenVinoBatchResult) -> tuple[int, int]:
    assert not isinstance(answer.results, InferenceError)
    return answer.results[0].input_size


def _seen_size(backend: OpenVinoBackend, height: int, width: int) -> tuple[int, int]:
    """The input a picture of that size is put into."""
    answer = answer_to(backend, _picture(height, width))
    answer.release()
    return _input_size(answer)


def test_pixels_arrive_as_red_green_blue_from_0_to_1(tmp_path: Path) -> None:
    """And the result belongs to the picture that was put in."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings()
    )
    answer = answer_to(backend, _picture(128, 128))
    assert not isinstance(answer.results, InferenceError)
    (result,) = answer.results
    output = output_of(answer)
    assert output.shape == (7, 16)
    assert output[:, 0].tolist() == pytest.approx([1, 0.2, 0, 0.4, 1, 0.2, 0], abs=0.015)
    assert result.letterbox == Letterbox(0, 0, 128, 128)
    assert answer.finished_mono_ns > 0
    assert backend.model.labels == networks.LABELS
    assert backend.model.backend == "openvino"
    assert len(backend.model.sha256) == 64


def test_a_new_shape_is_compiled_while_frames_go_through_the_square(tmp_path: Path) -> None:
    """And used once it is ready."""
    compiler = ManualExecutor()
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path),
        networks.entry(),
        _MODEL,
        InferenceSettings(),
        compiler=compiler,
    )
    assert _seen_size(backend, 72, 128) == (128, 128)
    assert _seen_size(backend, 72, 128) == (128, 128)
    assert len(compiler) == 1
    compiler.work()
    assert _seen_size(backend, 72, 128) == (96, 128)
    assert _seen_size(backend, 128, 72) == (128, 128)


def test_a_few_shapes_are_kept_and_others_use_the_best_of_them(tmp_path: Path) -> None:
    """Memory is bounded; a picture goes into the smallest one that holds it."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path),
        networks.entry(),
        ModelSettings(input_size=256),
        InferenceSettings(),
        compiler=InlineExecutor(),
    )
    for height in (32, 96, 192):
        _seen_size(backend, height, 256)
    assert MAX_SHAPES == 4
    assert _seen_size(backend, 32, 256) == (32, 256)
    assert _seen_size(backend, 64, 256) == (96, 256)
    assert _seen_size(backend, 160, 256) == (192, 256)
    assert _seen_size(backend, 256, 32) == (256, 256)


def test_without_a_compiler_all_pictures_are_padded(tmp_path: Path) -> None:
    """To the square."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings()
    )
    assert _seen_size(backend, 72, 128) == (128, 128)


def test_a_network_with_a_fixed_input_keeps_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever size was asked for; capture is told the right one."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path, (64, 96)),
        networks.entry((64, 96)),
        _MODEL,
        InferenceSettings(),
        compiler=InlineExecutor(),
    )
    assert backend.input_size == 96
    assert _seen_size(backend, 54, 96) == (64, 96)
    assert "inference.input_size_fixed model=colours input_size=96" in caplog.text


def test_requests_are_under_way_at_a_time(tmp_path: Path) -> None:
    """As many as asked for; each answer has its own memory until it is released."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path),
        networks.entry(),
        _MODEL,
        InferenceSettings(requests=3, threads=1),
    )
    answers = ResultWaiter(backend)
    assert (backend.capacity, backend.free()) == (3, 3)
    wanted = {backend.submit([_picture(128, 128, (red, 0, 0))]): red for red in (0, 51, 102)}
    assert backend.free() == 0
    held: list[OpenVinoBatchResult] = []
    while len(held) < 3:
        held += answers.next()
    assert backend.free() == 3
    later = answer_to(backend, _picture(128, 128, (255, 0, 0)))
    for answer in [*held, later]:
        red = float(output_of(answer)[0, 0]) * 255
        assert red == pytest.approx(wanted.get(answer.ticket, 255), abs=4)
        answer.release()
    backend.close()


def test_one_frame_more_than_it_works_on_is_in_the_engine(tmp_path: Path) -> None:
    """It begins with that one while the worker still reads the result of another."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings(threads=1)
    )
    assert backend.capacity == 2
    backend.close()


def _niceness() -> dict[str, int]:
    """Of each thread of this process: field 19 of proc_pid_stat(5)."""
    threads = Path("/proc/self/task")
    return {
        thread.name: int((thread / "stat").read_text().rpartition(")")[2].split()[16])
        for thread in threads.iterdir()
    }


def test_the_engine_lets_everybody_else_go_first(tmp_path: Path) -> None:
    """Its threads are nicer than ours, and ours stay as they were."""
    before = _niceness()
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings()
    )
    _seen_size(backend, 72, 128)
    after = _niceness()
    assert {name: after[name] for name in before} == before
    assert any(nice > os.nice(0) for name, nice in after.items() if name not in before)
    backend.close()


def test_memory_is_used_again(tmp_path: Path) -> None:
    """A released request takes the next picture, whatever its place in the input was."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings(requests=1)
    )
    outputs = set()
    for height in (128, 64, 128, 32):
        answer = answer_to(backend, _picture(height, 128, (255, 255, 255)))
        output = output_of(answer)
        outputs.add(output.__array_interface__["data"][0])
        pad = 1 - height / 128
        assert output[0].mean() == pytest.approx(1 - pad + pad * 114 / 255, abs=1e-5)
        answer.release()
        answer.release()
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("source", "scaled"),
    [((720, 1280), (72, 128)), ((1280, 720), (128, 72)), ((18, 32), (72, 128))],
)
def test_a_picture_of_another_scale_is_scaled(
    tmp_path: Path, source: tuple[int, int], scaled: tuple[int, int]
) -> None:
    """Its sender did not know which model would be chosen."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings()
    )
    answer = answer_to(backend, _picture(*source))
    assert not isinstance(answer.results, InferenceError)
    letterbox = answer.results[0].letterbox
    assert (letterbox.height, letterbox.width) == scaled


def test_a_portrait_is_scaled_into_a_fixed_landscape(tmp_path: Path) -> None:
    """A network may take one input only, and that not a square."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path, (64, 96)),
        networks.entry((64, 96)),
        ModelSettings(input_size=96),
        InferenceSettings(),
    )
    answer = answer_to(backend, _picture(96, 48))
    assert not isinstance(answer.results, InferenceError)
    assert answer.results[0].letterbox == Letterbox(32, 0, 32, 64)


def test_a_picture_without_pixels_harms_nobody(tmp_path: Path) -> None:
    """It is refused, and the engine goes on."""
    backend = OpenVinoBackend(
        networks.colour_network(tmp_path), networks.entry(), _MODEL, InferenceSettings(requests=1)
    )
    with pytest.raises(InferenceError, match="160x0 shows nothing"):
        backend.submit([np.zeros((0, 160), np.uint8)])
    assert backend.free() == 1
    assert _seen_size(backend, 72, 128) == (128, 128)


def test_a_failure_inside_the_engine_is_an_answer(tmp_path: Path) -> None:
    """For that picture alone: here a network that cannot make its shape of a dark one."""
    ops = ov.opset15
    picture = ops.parameter([1, 3, 32, 32], ov.Type.f32, "images")
    # 1 where a pixel is 255, else 0.
    bright = ops.convert(ops.reduce_max(picture, np.arange(4), keep_dims=False), "i64")
    shape = ops.concat([np.array([7], np.int64), ops.unsqueeze(bright, np.array(0))], 0)
    column = ops.reshape(np.zeros(7, np.float32), shape, special_zero=False)
    output = ops.reshape(column, np.array([1, 7, -1]), special_zero=False)
    file = networks.save(ov.Model([output], [picture], "fails"), tmp_path / "colours.xml")
    backend = OpenVinoBackend(
        file, networks.entry((32, 32)), ModelSettings(input_size=64), InferenceSettings(requests=1)
    )
    for colour, fails in ((255, False), (10, True), (255, False)):
        answer = answer_to(backend, _picture(32, 32, (colour,) * 3))
        assert isinstance(answer.results, InferenceError) is fails
        if isinstance(answer.results, InferenceError):
            assert "\n" not in str(answer.results)
            assert answer.finished_mono_ns > 0
        answer.release()
