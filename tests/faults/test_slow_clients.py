"""A crowd at the page that is slow on purpose: probes, viewers and cameras notice nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.node_rig import running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, bound_s, let_pass

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_CAMERAS, _FPS = 4, 5
_WAITING, _ADDRESSES, _MUTE = 600, 24, 99
_LASTS_S, _ANSWER_S = 15.0, 5.0
_HALF = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
_EVENTS = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


class SlowClients:
    """Connections that keep the page waiting; those that are cut come back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: dict[int, socket.socket] = {}
        self.came = 0
        """Connections that were made, those that came back too."""

    def press(self, over: threading.Event) -> None:
        """Until ``over`` is set."""
        while not over.is_set():
            for number in range(_WAITING + _MUTE):
                if over.is_set():
                    break
                self._keep(number)
            over.wait(0.2)
        for client in self._open.values():
            client.close()

    def _keep(self, number: int) -> None:
        client = self._open.get(number)
        is_mute = number >= _WAITING
        # Of those that are to read nothing the server learns by the next byte.
        if client is not None and _is_open(client, sends=is_mute):
            return
        if client is not None:
            client.close()
        block, last = (3, number - _WAITING) if is_mute else (2, number % _ADDRESSES)
        sent = _EVENTS if is_mute else (b"", _HALF)[number % 2]
        with contextlib.suppress(OSError):
            client = self._open[number] = socket.create_connection(
                ("127.0.0.1", self._port), 1, source_address=(f"127.0.{block}.{1 + last}", 0)
            )
            self.came += 1
            client.sendall(sent)


def _is_open(client: socket.socket, *, sends: bool) -> bool:
    client.settimeout(0)
    try:
        return bool(client.send(b"\r\n")) if sends else bool(client.recv(4096))
    except BlockingIOError:
        return True
    except OSError:
        return False


@contextmanager
def crowd(port: int) -> Iterator[SlowClients]:
    """The crowd for as long as the block runs."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    pressing, over = SlowClients(port), threading.Event()
    thread = threading.Thread(target=pressing.press, args=(over,))
    thread.start()
    try:
        yield pressing
    finally:
        over.set()
        thread.join()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _asked(url: str) -> tuple[str, float]:
    """What came of a request on a connection of its own, and how long it took, seconds."""
    began_s = time.monotonic()
    try:
        with httpx.stream("GET", url, timeout=bound_s(_ANSWER_S)) as answer:
            # Of an endless answer the beginning.
            next(answer.iter_bytes())
            said = str(answer.status_code)
    except (httpx.HTTPError, StopIteration) as error:
        said = type(error).__name__
    return said, time.monotonic() - began_s


def test_slow_clients_from_many_addresses(
    tmp_path: Path, verify: Callable[[Outcome], None]
) -> None:
    """Half requests, silence, and streams that nobody reads, more than there are places."""
    outcome = Outcome(
        "slow clients",
        f"{_WAITING} half requests and silent connections from {_ADDRESSES} addresses and "
        f"{_MUTE} event streams that never read, for {_LASTS_S:.0f} s; those that are cut come back",
    )
    settings = {"web": {"port": 0}}
    with running_node_rig(tmp_path, settings, cameras=_CAMERAS, fps=_FPS) as rig:
        rig.wait_for_messages(5)
        page = rig.node.page()
        port = urlsplit(page).port
        assert port is not None
        answers: Counter[tuple[str, str]] = Counter()
        longest_s = 0.0
        with crowd(port) as pressing:
            until_s = time.monotonic() + _LASTS_S
            while time.monotonic() < until_s or pressing.came < _WAITING + _MUTE:
                for path in ("livez", "readyz", "api/cameras", "api/events"):
                    said, took_s = _asked(f"{page}{path}")
                    answers[path, said] += 1
                    longest_s = max(longest_s, took_s)
                let_pass(0.3)
            outcome.notes = {
                "connections": pressing.came,
                "answers": answers.total(),
                "longest_answer_s": round(longest_s, 2),
            }
        outcome.expect({said for _, said in answers} == {"200"}, f"answers: {dict(answers)}")
        outcome.expect("Traceback" not in rig.node.log, "a traceback in the log")
        outcome.expect("worker_lost" not in rig.node.log, "a worker was replaced")
        ended_s = time.monotonic()
        outcome.recover_s = rig.back_after_s(ended_s, bound_s(_ANSWER_S))
        outcome.expect(outcome.recover_s is not None, "no message afterwards")
        assert rig.node.stop() == 0
        for name in rig.cameras:
            counted = account_for(rig.recorder.seen[name])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
        outcome.expect(not outcome.lost and not outcome.doubled, "lost or doubled messages")
    verify(outcome)
