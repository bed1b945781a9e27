# ruff: noqa: INP001  run by scripts/sandbox.sh, never imported
"""The first process of the sandbox: unpacks the workspace, runs the command, hands out a file.

  inside.py LIMIT_S RESULT_KIB COMMAND...

Standard input is a tar archive, standard output what /workspace/result is at the end. What the command
says goes to standard error. Nothing inside can kill the first process, and it ends all others.
Exit code: the command's; 124 when its time is over, 125 when there is something wrong with the
archive or the result.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys

WORK = "/workspace"
RESULT = "/workspace/result"
TIME_IS_OVER, UNFIT = 124, 125
_PR_SET_DUMPABLE = 4
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": WORK,
    "TMPDIR": "/tmp",  # noqa: S108  of this container alone
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def unfit(problem: str) -> None:
    """Say what is wrong and end."""
    sys.stderr.write(f"error: {problem}\n")
    sys.exit(UNFIT)


def unpack() -> None:
    """Take the workspace. Whatever the archive holds, it can write nowhere else either."""
    said = subprocess.run(
        ["tar", "--extract", "--directory", WORK, "--no-same-owner"],  # noqa: S607  the image's
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if said.returncode:
        unfit(f"workspace: {said.stderr.decode(errors='replace').strip().splitlines()[0]}")


def run(command: list[str], limit_s: float) -> int:
    """The command's exit code; nothing it started is left."""
    try:
        process = subprocess.Popen(
            command, cwd=WORK, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=2
        )
    except OSError as error:
        sys.stderr.write(f"error: {command[0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"error: its {limit_s:g} s are over\n")
        code = TIME_IS_OVER
    end_all()
    return code if code >= 0 else 128 - code


def end_all() -> None:
    """Kill whatever is left, again until nothing is: a fork may win a race, not all of them."""
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def hand_out(limit_bytes: int) -> None:
    """Copy the result, if there is one, to standard output."""
    try:
        opened = os.open(RESULT, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        unfit(f"{RESULT}: {error.strerror}")
    with open(opened, "rb") as result:  # noqa: PTH123  what was opened is what is looked at
        seen = os.fstat(opened)
        if not stat.S_ISREG(seen.st_mode):
            unfit(f"{RESULT}: is no file")
        if seen.st_size > limit_bytes:
            unfit(f"{RESULT}: has {seen.st_size} bytes; {limit_bytes} may leave the sandbox")
        shutil.copyfileobj(result, sys.stdout.buffer)


# Not to be looked into, nor spoken for, by what runs under the same number.
ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
unpack()
exit_code = run(sys.argv[3:], float(sys.argv[1]))
hand_out(int(sys.argv[2]) * 1024)
sys.exit(exit_code)
