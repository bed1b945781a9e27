"""Clients of the live page in a process of their own: ``python -m bench.page_clients KIND URL``.

``viewer`` watches as a browser does, for ``--seconds``. ``flood`` asks ``--requests`` times over
as many connections as one client may have, beside ``--slow`` clients that never finish a
request and come back when they are cut. Both print a line when they begin, and one JSON object of counts. They step back
behind whatever else wants the processor, as clients on other machines would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import Counter
from urllib.parse import urlsplit

import httpx

_CONNECTIONS = 64
_REQUEST = b"GET /api/cameras HTTP/1.1\r\nHost: localhost\r\n\r\n"
_HALF_A_REQUEST = b"GET /api/cameras HTTP/1.1\r\nHost: local"
_PAUSE_S = 0.1


async def viewer(url: str, seconds: float) -> Counter[str]:
    """Watch: the events, and the picture of each message."""
    counts: Counter[str] = Counter()

    async def load(client: httpx.AsyncClient, message: dict[str, str]) -> None:
        path = f"api/cameras/{message['camera']}/frames/{message['run']}-{message['seq']}.jpg"
        answer = await client.get(path)
        counts["pictures"] += answer.is_success
        counts["bytes"] += len(answer.content)

    async def watch(client: httpx.AsyncClient) -> None:
        kind = ""
        async with client.stream("GET", "api/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    counts[kind] += 1
                    if kind == "detections":
                        await load(client, json.loads(line.removeprefix("data: ")))

    async with httpx.AsyncClient(base_url=url, timeout=None) as client:  # noqa: S113  streams last
        try:
            async with asyncio.timeout(seconds):
                await watch(client)
        except TimeoutError:
            pass
    return counts


async def flood(url: str, requests: int, slow: int) -> Counter[str]:
    """Ask and ask, and hold connections open for nothing."""
    counts: Counter[str] = Counter()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    left = requests

    async def ask() -> None:
        nonlocal left
        while left > 0:
            try:
                reader, writer = await asyncio.open_connection(host, port)
                while left > 0:
                    left -= 1
                    writer.write(_REQUEST)
                    head = await reader.readuntil(b"\r\n\r\n")
                    counts[head[9:12].decode()] += 1
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length))
            except (OSError, asyncio.IncompleteReadError):
                counts["cut"] += 1
                await asyncio.sleep(_PAUSE_S)

    async def dawdle() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(_HALF_A_REQUEST)
                await reader.read()
            except OSError:
                pass
            counts["slow clients cut"] += 1
            await asyncio.sleep(_PAUSE_S)

    dawdling = [asyncio.create_task(dawdle()) for _ in range(slow)]
    await asyncio.gather(*(ask() for _ in range(_CONNECTIONS)))
    for task in dawdling:
        task.cancel()
    return counts


def main() -> None:
    """Run one kind of client."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_clients", description=__doc__)
    parser.add_argument("kind", choices=["viewer", "flood"])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=200)
    args = parser.parse_args()
    os.nice(19)
    # Whoever measures begins now, not while Python still loads.
    print("ready", flush=True)
    if args.kind == "viewer":
        counts = asyncio.run(viewer(args.url, args.seconds))
    else:
        counts = asyncio.run(flood(args.url, args.requests, args.slow))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
