"""``vision simulate`` as a program."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import av
import pytest

from simulator import QUIRKS, Clip, Server
from tests.support.clips import make_clip
from tests.support.viewer import watch, with_credentials

pytestmark = pytest.mark.integration

COMMAND = (sys.executable, "-m", "vision", "simulate")
USERNAME, PASSWORD = "operator", "s3cr3t/w@rd"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An H.264 clip named ``front``."""
    return make_clip(tmp_path_factory.mktemp("clips") / "front.mp4", fps=25, seconds=1)


@pytest.fixture
def secrets(tmp_path: Path) -> tuple[str, ...]:
    """Options that name files with the credentials."""
    options: tuple[str, ...] = ()
    for option, value in (("username", USERNAME), ("password", PASSWORD)):
        path = tmp_path / option
        path.touch(mode=0o600)
        path.write_text(f"{value}\n")
        options += (f"--{option}-file", str(path))
    return options


@contextmanager
def simulator(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The running program, on any free port; killed if the test has not ended it."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """The next line it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal(file: Path, secrets: tuple[str, ...], number: int) -> None:
    """One URL a camera, streams behind the password, a clean end, and nothing told."""
    options = ("--path", "front", "--path", "yard/gate", *secrets)
    with simulator(file, file, *options) as process:
        urls = [line(process), line(process)]
        for url in urls:
            with watch(with_credentials(url, USERNAME, PASSWORD)) as frames:
                assert len(list(islice(frames, 3))) == 3
        with pytest.raises(av.error.HTTPUnauthorizedError), watch(urls[0]):
            pass

        process.send_signal(number)
        out, err = process.communicate(timeout=60)

        assert process.returncode == 0
    assert [url.rpartition("127.0.0.1")[0] for url in urls] == ["rtsp://", "rtsp://"]
    assert urls[1].endswith("/yard/gate")
    assert "simulate.playing" in err
    for secret in (USERNAME, PASSWORD):
        assert secret not in "".join(urls) + out + err


def test_faults_on_the_command_line(file: Path) -> None:
    """Faults that are asked for strike: the clock is off, and connections are cut."""
    options = ("--clock-offset", "600", "--fps", "50", "--cut-every", "4")
    with simulator(file, *options) as process, watch(line(process)) as frames:
        seen = list(frames)

    assert 5 < len(seen) < 400
    assert seen[0].captured_s is not None
    assert seen[0].captured_s - seen[0].decoded_s == pytest.approx(600, abs=10)
    assert seen[-1].pts is not None
    assert seen[-1].pts == pytest.approx((len(seen) - 1) * 1800, abs=1)


def test_freeze_and_stall_on_the_command_line(file: Path) -> None:
    """A picture that stands still, then nothing at all while the connection stands."""
    options = ("--freeze-after", "0.2", "--stall-after", "2")
    with simulator(file, *options) as process, watch(line(process), timeout_s=1) as frames:
        numbers: list[int] = []
        with pytest.raises(av.FFmpegError):
            numbers.extend(frame.number for frame in frames)

    assert numbers[-10:] == [0] * 10


def test_faults_by_command_while_it_runs(file: Path) -> None:
    """Each line strikes at once and is answered, wrong ones too, and it goes on."""
    with simulator(file, "--path", "front", "--control") as process:
        url = line(process)

        def tell(words: str) -> str:
            assert process.stdin is not None
            process.stdin.write(f"{words}\n")
            process.stdin.flush()
            return line(process)

        with watch(url) as frames:
            next(frames)
            assert tell("front cut") == "ok"
            assert len(list(islice(frames, 2_000))) < 2_000
        assert tell("front gone=on") == "ok"
        with pytest.raises(av.error.HTTPNotFoundError), watch(url):
            pass
        assert tell("front fly=on").startswith("error: no fault 'fly'")
        assert tell("* gone=off") == "ok"
        with watch(url) as frames:
            next(frames)
        assert process.stdin is not None
        process.stdin.close()
        with watch(url) as frames:
            next(frames)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("missing.mp4",), "missing.mp4 cannot be read"),
        (("{file}", "{file}"), "two cameras cannot have one name"),
        (("{file}", "--path", "a", "--path", "b"), "1 files but 2 names"),
        (("{file}", "--username-file", "u"), "--username-file and --password-file go together"),
        (("{file}", "--username-file", "u", "--password-file", "p"), "missing secret file u"),
        (("{file}", "--tls-cert", "c"), "--tls-cert and --tls-key go together"),
        (("{file}", "--tls-cert", "c", "--tls-key", "k"), "c and k are not a certificate"),
        (("{file}", "--loss", "2"), "2 is no share"),
        (("{file}", "--cut-every", "0"), "0 is not above 0"),
        (("{file}", "--clock-offset", "nan"), "nan is no number of seconds"),
        (("{file}", "--port", "70000"), "70000 is no port"),
        (("{file}", "--first-timestamp", "-1"), "-1 is no RTP timestamp"),
    ],
)
def test_wrong_input_is_one_line(file: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """What cannot be served is refused with exit code 2 and the reason."""
    words = [argument.format(file=file) for argument in arguments]

    done = subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, check=False, timeout=60, cwd=file.parent
    )

    assert done.returncode == 2
    assert complaint in done.stderr.splitlines()[-1]
    assert not done.stdout


def test_taken_port_is_refused(file: Path) -> None:
    """A port that somebody has is named together with the remedy."""
    with Server({"front": Clip.load(file)}) as server:
        done = subprocess.run(
            [*COMMAND, str(file), "--port", str(server.port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 2
    assert f"port {server.port} is in use: choose another with --port" in done.stderr


def test_quirks_by_option_and_in_the_help(file: Path) -> None:
    """Those that are named are on from the start; the help says what each does."""
    with (
        simulator(file, "--quirk", "options_refused", "--quirk", "ntp_zero") as process,
        pytest.raises(av.error.HTTPServerError),
        watch(line(process)),
    ):
        pass
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    for name, quirk in QUIRKS.items():
        assert re.search(rf"^ +{name} +{re.escape(quirk.help)}$", shown, re.MULTILINE)
