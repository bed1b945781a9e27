"""The commands that runbooks name, and whether there is such a command."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.compose_model import FOLDER, ROOT, compose_command, rendered_here
from vision.cli.main import _parser

RUNBOOKS = ROOT / "docs" / "runbooks"
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:docker|make|vision|\.venv/bin/vision|\.{1,2}/\S+\.sh) [^`…]+)`")
_SEPARATOR = re.compile(r"[();|&]+")
_REDIRECTION = re.compile(r"[<>]+&?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPTION = re.compile(r"--[a-z][a-z-]*")
# A camera, a file, a date: what the reader puts in.
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]*")


def _words(text: str) -> set[str]:
    return set(text.split())


# Of any Linux machine with Debian's usual packages.
_PROGRAMS = _words(
    "awk cat cd chmod chown cp curl date df dmesg du echo exit find free git grep head hostname "
    "install journalctl ls mkdir mv openssl ping printf read rm sed sort ss sudo sysctl "
    "systemctl tail tar timedatectl touch true umask uptime wc xargs"
)
_IN_CONTAINERS = {"redis-cli", "sh", "nginx", "redis-check-aof", "redis-check-rdb", "ollama"}
_GIT = {"checkout", "describe", "diff", "fetch", "log", "pull", "status", "switch", "tag"}
_DOCKER = _words(
    "build events image images info inspect load logs network ps run save stats system tag top "
    "version volume"
)
_COMPOSE = _words(
    "build config cp create down events exec images kill logs ls pause port ps pull push "
    "restart rm run start stats stop top unpause up version wait"
)
_VERBS = {"docker": _DOCKER, "git": _GIT}
_VISION = {"vision", ".venv/bin/vision", "../.venv/bin/vision"}
# By prepare.sh and `vision compose render`.
_MADE = {".env", "cameras.yaml"}
_FILE_OPTIONS = {"-f", "--file", "--env-file"}
_VALUE_OPTIONS = _words(
    "--entrypoint --env --filter --format --name --project-name --scale --signal --since "
    "--status --tail --timeout --user --wait-timeout -e -p -s -t -u"
)


@dataclass(frozen=True, slots=True)
class Command:
    """The words of one simple command, and the line of the page where it begins."""

    words: tuple[str, ...]
    line: int


def commands_of(page: str) -> Iterator[Command]:
    """Every command in a shell block of a page, and those in its running text."""
    for block in _BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(2)) + 1
        # A continued line stays one line, and keeps the number of its first.
        lines = re.sub(r"\\\n", "\\\0", block[2]).splitlines()
        for line in lines:
            yield from _simple_commands(line.replace("\\\0", " "), first)
            first += 1 + line.count("\0")
    prose = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page)
    for found in _INLINE.finditer(prose):
        yield from _simple_commands(found[1], prose.count("\n", 0, found.start()) + 1)


def complaint(words: Sequence[str]) -> str | None:
    """What is wrong with a command, None if there is such a one.

    Its relative paths count from ``compose/``, where runbooks are worked through.
    """
    try:
        _check(words)
    except LookupError as error:
        return str(error.args[0])
    return None


def _check(words: Sequence[str]) -> None:
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words:
        return
    program, *arguments = words
    if program.endswith(".sh"):
        _check_script(program, arguments)
    elif program in _VISION:
        _check_vision(arguments)
    elif program == "make":
        if arguments[:2] == ["-C", ".."]:
            del arguments[:2]
        _check_all([word for word in arguments if "=" not in word], _targets(), "the Makefile")
    elif program == "docker" and arguments[:1] == ["compose"]:
        _check_compose(arguments[1:])
    elif program in _VERBS:
        _check_all(arguments[:1] or [""], _VERBS[program], program)
    else:
        _check_all([program], _PROGRAMS, "this machine")


def _check_all(words: Sequence[str], known: set[str], of: str) -> None:
    for word in words:
        if word not in known:
            raise LookupError(f"{of} has no {word}")


def _simple_commands(line: str, number: int) -> Iterator[Command]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for token in [*lexer, ";"]:
        if _SEPARATOR.fullmatch(token):
            if words:
                yield Command(tuple(words), number)
            words = []
        elif _REDIRECTION.fullmatch(token):
            # `2>file` leaves its number.
            if words and words[-1].isdigit():
                words.pop()
            skip = True
        elif skip:
            skip = False
        elif token != "$":
            words.append(token)


def _check_script(program: str, arguments: Sequence[str]) -> None:
    path = (FOLDER / program).resolve()
    if not path.is_file():
        raise LookupError(f"there is no {program}")
    _check_options(arguments, set(_OPTION.findall(_help(str(path)))), program)


def _check_vision(arguments: Sequence[str]) -> None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            _parser(list(arguments)).parse_args(list(arguments))
        except SystemExit as ended:
            if ended.code:
                raise LookupError(said.getvalue().strip().splitlines()[-1]) from None


def _check_compose(arguments: Sequence[str]) -> None:
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option, value = rest[0], rest[1] if len(rest) > 1 else ""
        del rest[:2]
        if option in _FILE_OPTIONS:
            if value not in _MADE and not (FOLDER / value).is_file():
                raise LookupError(f"there is no {value}")
        elif option == "--profile":
            if not _PLACEHOLDER.fullmatch(value):
                _check_all([value], _profiles(), "the stack's profiles")
        else:
            _check_all([option], _VALUE_OPTIONS, "docker compose")
    verb = rest.pop(0) if rest else ""
    _check_all([verb], _COMPOSE, "docker compose")
    _check_verb(verb, rest)


def _check_verb(verb: str, rest: list[str]) -> None:
    known = _compose_options(verb)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if known:
                _check_options([word], known, f"docker compose {verb}")
            if word == "--entrypoint":
                # What follows the service is for this program.
                _check_all(rest[:1], _IN_CONTAINERS, "the image")
                rest = rest[:2]
            if word in _VALUE_OPTIONS and rest:
                del rest[0]
            continue
        if not _PLACEHOLDER.fullmatch(word.removeprefix("ingest-")):
            _check_all([word], _services(), "the stack")
        if verb in ("exec", "run") and rest:
            _check_inside(word, rest)
            return


def _check_inside(service: str, words: Sequence[str]) -> None:
    # The entry point of the image is before what is given to `run`.
    if service == "tail":
        _check_vision(words)
    elif words[0] not in _IN_CONTAINERS:
        _check(words)


def _check_options(arguments: Sequence[str], known: set[str], of: str) -> None:
    for word in arguments:
        if word == "--":
            return
        if word.startswith("--"):
            _check_all([word.partition("=")[0]], known, of)


@cache
def _help(path: str) -> str:
    return subprocess.run([path, "--help"], capture_output=True, text=True, check=True).stdout


@cache
def _compose_options(verb: str) -> set[str]:
    """The long options of a verb; none where Compose is not installed."""
    command = compose_command()
    if command is None:
        return set()
    said = subprocess.run([*command, verb, "--help"], capture_output=True, text=True, check=True)
    return set(_OPTION.findall(said.stdout))


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _services() -> set[str]:
    return set(rendered_here()["services"])


@cache
def _profiles() -> set[str]:
    services = rendered_here()["services"].values()
    return {profile for service in services for profile in service.get("profiles", [])} | {"*"}


def pages() -> list[Path]:
    """All runbooks, without their index."""
    return sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
