# ruff: noqa: INP001  run by scripts/sandbox-proof.sh inside the sandbox, never imported
"""Tries to get out of the sandbox, a line per attempt: what was tried, held or ESCAPED, and how.

  escape.py HOST_FILE

HOST_FILE exists on the host and must not be here. Exit code 1 if anything got out.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, PTRACE_ATTACH = 0x00020000, 0x10000000, 16
# No wrappers in libc: bpf, keyctl, kexec_load, init_module (asm/unistd_64.h, asm-generic).
NUMBERS = {
    "x86_64": {"bpf": 321, "keyctl": 250, "kexec_load": 246, "init_module": 175},
    "aarch64": {"bpf": 280, "keyctl": 219, "kexec_load": 104, "init_module": 105},
}
BURN_S, MOST_CPU_SHARE = 2.0, 1.5
MANY = 30_000
escapes = 0


def tell(what: str, how: str, *, held: bool) -> None:
    """Print the line of an attempt."""
    global escapes  # noqa: PLW0603  a script's tally
    escapes += not held
    sys.stdout.write(f"{what:<46} {'held' if held else 'ESCAPED'}: {how}\n")


def must_fail(what: str, attempt: Callable[[], object]) -> None:
    """An attempt that the kernel has to refuse."""
    try:
        got = attempt()
    except OSError as error:
        tell(what, error.strerror or str(error), held=True)
    else:
        tell(what, f"it worked: {got!r}", held=False)


def call(function: str, *arguments: object) -> int:
    """A function of libc, its failure as an OSError."""
    return _checked(getattr(LIBC, function)(*arguments))


def syscall(name: str) -> int:
    """A system call with arguments that would do no harm."""
    number = NUMBERS[platform.machine()][name]
    return _checked(LIBC.syscall(number, 0, 0, 0, 0, 0))


def _checked(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def connect(family: int, kind: int, address: object) -> None:
    """Reach an address, or send it something."""
    with socket.socket(family, kind) as client:
        client.settimeout(2)
        client.connect(address)
        client.send(b"x")


def network() -> None:
    """No interface but loopback, no address, no engine."""
    names = [name for _, name in socket.if_nameindex()]
    tell("network: interfaces", " ".join(names), held=names == ["lo"])
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    # An address that belongs to nobody (RFC 5737): the kernel has to refuse before it is sent.
    must_fail("network: TCP out", lambda: connect(socket.AF_INET, tcp, ("192.0.2.1", 443)))
    must_fail("network: UDP out", lambda: connect(socket.AF_INET, udp, ("192.0.2.1", 53)))
    must_fail("network: IPv6 out", lambda: connect(socket.AF_INET6, tcp, ("2001:db8::1", 443)))
    must_fail(
        "network: the host's Redis", lambda: connect(socket.AF_INET, tcp, ("127.0.0.1", 6379))
    )
    must_fail(
        "network: raw packets", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()
    )
    must_fail("network: resolving a name", lambda: socket.getaddrinfo("example.org", 443))
    for path in ("/var/run/docker.sock", "/run/containerd/containerd.sock"):
        must_fail(f"engine: {path}", lambda path=path: connect(socket.AF_UNIX, tcp, path))


def mounts(host_file: str) -> None:
    """Nothing of the host, nothing to mount, nothing to write but memory."""
    must_fail("mounts: a file of the host", lambda: Path(host_file).read_text())
    must_fail("mounts: through the first process", lambda: os.listdir("/proc/1/root"))  # noqa: PTH208  as /proc is read
    must_fail("mounts: mount a tmpfs", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, 0))
    must_fail("mounts: unmount /proc/acpi", lambda: call("umount2", b"/proc/acpi", 0))
    must_fail("mounts: new mount namespace", lambda: call("unshare", CLONE_NEWNS))
    must_fail("mounts: new user namespace", lambda: call("unshare", CLONE_NEWUSER))
    must_fail("mounts: make a disk device", lambda: os.mknod("/workspace/sda", stat.S_IFBLK, 0x800))
    disks = [path.name for path in Path("/dev").iterdir() if path.is_block_device()]
    tell("mounts: disks in /dev", " ".join(disks) or "none", held=not disks)
    for path in ("/x", "/etc/passwd", "/usr/bin/python3", "/app/x", "/etc/hosts"):
        must_fail(f"mounts: write {path}", lambda path=path: Path(path).write_text(""))
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/fs/cgroup/x"):
        must_fail(f"mounts: write {path}", lambda path=path: Path(path).write_text("x"))
    shutil.copy("/bin/true", "/workspace/true")
    must_fail(
        "mounts: run a program from /workspace",
        lambda: subprocess.run(["/workspace/true"], check=True),
    )
    secrets = [str(path) for path in Path("/run").rglob("*") if path.is_file()]
    tell("mounts: secrets", " ".join(secrets) or "none", held=not secrets)
    known = {"PATH", "HOME", "TMPDIR", "LANG", "PYTHONDONTWRITEBYTECODE"}
    tell("mounts: environment", " ".join(sorted(os.environ)), held=os.environ.keys() <= known)


def root() -> None:
    """No way to more rights."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    for key, wanted in (
        ("CapEff", "0" * 16),
        ("CapBnd", "0" * 16),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ):
        tell(f"root: {key}", status[key].strip(), held=status[key].strip() == wanted)
    tell("root: user", str(os.getuid()), held=os.getuid() > 0)
    must_fail("root: become root", lambda: os.setuid(0))
    must_fail("root: join its group", lambda: os.setgroups([0]))
    must_fail("root: own a file for root", lambda: os.chown("/workspace", 0, 0))
    must_fail("root: look into the first process", lambda: call("ptrace", PTRACE_ATTACH, 1, 0, 0))
    must_fail("root: speak for the first process", lambda: Path("/proc/1/fd/1").write_text("x"))
    os.kill(1, signal.SIGKILL)
    tell("root: kill the first process", "it lives on", held=Path("/proc/1").exists())
    for name in NUMBERS.get(platform.machine(), {}):
        must_fail(f"root: {name}", lambda name=name: syscall(name))


def limits() -> None:
    """Processes, open files, memory that is written to, and processor time have an end."""
    children = []
    try:
        while len(children) < MANY:
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError as error:
        tell("limits: processes", f"{len(children)} more, then: {error.strerror}", held=True)
    else:
        tell("limits: processes", f"{len(children)}", held=False)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for folder, most_mib in (("/workspace", 256), ("/tmp", 32), ("/dev/shm", 16)):  # noqa: S108  attempts
        _fill(folder, most_mib)
    _files()
    _burn()


def _fill(folder: str, most_mib: int) -> None:
    path, block, written = Path(folder, "fill"), bytes(1 << 20), 0
    try:
        with path.open("wb", buffering=0) as file:
            while written < 2 * most_mib << 20:
                written += file.write(block)
    except OSError as error:
        how = f"{written >> 20} MiB, then: {error.strerror}"
        tell(f"limits: fill {folder}", how, held=written <= most_mib << 20)
    else:
        tell(f"limits: fill {folder}", f"{written >> 20} MiB", held=False)
    path.unlink()


def _files() -> None:
    folder = Path("/workspace/many")
    folder.mkdir()
    count = 0
    try:
        for count in range(MANY):
            (folder / str(count)).touch()
    except OSError as error:
        tell("limits: empty files", f"{count}, then: {error.strerror}", held=True)
    else:
        tell("limits: empty files", f"{count}", held=False)
    shutil.rmtree(folder)


def _burn() -> None:
    from_s = time.monotonic()
    burners = [subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"]) for _ in range(4)]
    time.sleep(BURN_S)
    for burner in burners:
        burner.kill()
        burner.wait()
    used = os.times()
    share = (used.children_user + used.children_system) / (time.monotonic() - from_s)
    tell("limits: processors", f"{share:.2f} used by 4 burners", held=share < MOST_CPU_SHARE)


network()
mounts(sys.argv[1])
root()
limits()
Path("/workspace/result").write_text(f"{escapes} escapes\n")
sys.exit(1 if escapes else 0)
