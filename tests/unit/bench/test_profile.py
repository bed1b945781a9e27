"""Samples of a profiler to shares of processor time."""

from __future__ import annotations

import pytest

from bench.profile import clean, function_of, parse, shared_out, stage_of

RAW = """\
process 10:"/opt/app/bin/python -m vision run";thread (12): inference;Thread.run (threading.py:982);\
InferenceWorker._read (vision/inference/worker.py:210);Postprocessor.__call__ (vision/inference/postprocess.py:61);\
max (numpy/_core/_methods.py:40) 3
process 10:"/opt/app/bin/python -m vision run";thread (12): inference;Thread.run (threading.py:982) 1
process 10:"/opt/app/bin/python -m vision run";thread (15);called (vision/inference/openvino_backend.py:200) 2
process 10:"/opt/app/bin/python -m vision run";process 11:"/opt/app/bin/python -c spawn_main(1)";\
thread (11): MainThread;CaptureWorker.capture (vision/capture/worker.py:78) 5
not a stack 1
"""


def test_samples_are_read_with_their_thread() -> None:
    """A sample belongs to the innermost process' thread; lines without a thread are none."""
    stacks = parse(RAW)
    assert [(stack.thread, stack.name, stack.samples) for stack in stacks] == [
        (12, "inference", 3),
        (12, "inference", 1),
        (15, None, 2),
        (11, "MainThread", 5),
    ]


def test_time_in_a_library_is_that_of_the_function_that_called_it() -> None:
    """NumPy's time inside of the postprocessing is the postprocessing's."""
    assert function_of(parse(RAW)[0].frames) == "inference/postprocess: Postprocessor.__call__"
    assert function_of(parse(RAW)[1].frames) is None


def test_a_threads_time_is_shared_out_over_its_samples() -> None:
    """Four seconds of a thread sampled three times here and once there are three and one."""
    spent = shared_out(parse(RAW), {12: 4.0, 11: 1.0, 15: 6.0, 16: 7.0})
    assert spent == {
        "inference/postprocess: Postprocessor.__call__": pytest.approx(3.0),
        "Python and libraries": pytest.approx(1.0),
        "capture/worker: CaptureWorker.capture": pytest.approx(1.0),
        # Also a thread that was seen calling back into Python, which it did not start.
        "engine (OpenVINO)": pytest.approx(13.0),
    }


def test_a_function_belongs_to_the_stage_it_lies_in() -> None:
    """Shares by stage are the sums over its files."""
    assert stage_of("capture/worker: CaptureWorker.capture") == "capture"
    assert stage_of("engine (OpenVINO)") == "engine (OpenVINO)"


def test_a_picture_that_is_kept_names_no_path_and_no_process() -> None:
    """The flame graph of one machine tells nothing of where it was made."""
    text = (
        "<text>py-spy record --pid 10 --output /opt/app/x.svg</text>"
        "<title>process 10:&quot;/opt/app/bin/python -m vision run&quot; (5 samples, 9%)</title>"
        "<title>process 11:&quot;/opt/app/bin/python -c spawn_main&quot; (5 samples)</title>"
        "<title>thread (12): inference (4 samples)</title>"
        "<text>process 13:&quot;/opt/ap..</text>"
    )
    assert clean(text) == (
        "<text>vision run</text>"
        "<title>node (5 samples, 9%)</title>"
        "<title>ingest process (5 samples)</title>"
        "<title>thread inference (4 samples)</title>"
        "<text>process..</text>"
    )
