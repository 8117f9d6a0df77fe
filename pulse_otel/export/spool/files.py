"""Files of a spool: their names, and safe ways to make, write and read them.

A name says when the spans came, which process wrote them, on which host, and how many they are:

    01795442400000000000-4711-5d41402a-9f86d081-12.spans            waits
    01795442400000000000-4711-5d41402a-9f86d081-12.spans.1795442460000-4712-5d41402a.lease
                                                           4712 sends it, until then
    .01795442400000000000-4711-5d41402a-9f86d081-12.spans.tmp       is being written
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 64 << 20
_PROCESS = r"(\d{1,10})-([0-9a-f]{8})"
_NAME = re.compile(
    rf"(\d{{20}})-{_PROCESS}-[0-9a-f]{{8}}-(\d{{1,6}})\.spans(?:\.(\d{{1,16}})-{_PROCESS}\.lease)?"
)
_TMP = re.compile(rf"\.((\d{{20}})-{_PROCESS}-[0-9a-f]{{8}}-\d{{1,6}}\.spans)\.tmp")
_NO_DIRECTORY = "it is not a directory, or it is a link"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Name:
    """The content of a file's name. Times in s since the epoch; `until` is the end of a lease."""

    text: str
    made: float
    pid: int | None  # the process that has it, or else wrote it; None if on another host
    count: int
    until: float | None = None

    @property
    def waiting(self) -> str:
        """Return the name while no process holds the file."""
        return waiting_name(self.text)


def waiting_name(text: str) -> str:
    """Return the name that a file has while no process holds it."""
    return text.partition(".spans")[0] + ".spans"


def leased_name(waiting: str, until: float) -> str:
    """Return the name of a waiting file while this process holds it."""
    return f"{waiting}.{int(until * 1000)}-{os.getpid()}-{_here()}.lease"


@functools.cache
def _here() -> str:
    """Return an id of the host: this boot of this machine or container.

    It tells apart containers that share a directory, which all have a process 1.
    """
    found = [socket.gethostname()]
    with contextlib.suppress(OSError):  # Linux alone has these
        found.append(os.readlink("/proc/self/ns/pid"))
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:8]


def new_name(now: float, count: int) -> str:
    """Return the name of a new file; names sort by time."""
    return f"{int(now * 1e9):020d}-{os.getpid()}-{_here()}-{secrets.token_hex(4)}-{count}.spans"


def parse(text: str) -> Name | None:
    """Return the content of a name; None for a file that is not ours."""
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    made, writer, its_place, count, until, holder, place = found.groups()
    lease = int(until) / 1000 if until else None
    pid = int(holder or writer) if (place or its_place) == _here() else None
    return Name(text, int(made) / 1e9, pid, int(count), lease)


def finished_name(text: str) -> tuple[str, float] | None:
    """Return the final name of an unfinished file, and when it was begun; None for any other."""
    found = _TMP.fullmatch(text)
    return (found[1], int(found[2]) / 1e9) if found else None


def make_private(path: Path) -> None:
    """Make a directory of mode 0700, or check that `path` is one of ours.

    Raises PermissionError for a link, and for a directory of another user.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError(_NO_DIRECTORY)
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            raise PermissionError("it belongs to another user")
        if stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)


def check_parent(path: Path) -> None:
    """Raise PermissionError if others could replace what is made in `path`, or if it is a link."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError(_NO_DIRECTORY)
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid not in (0, os.geteuid()):
        raise PermissionError("the directory above it belongs to another user")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise PermissionError("every user may write to the directory above it")


def listing(directory: Path) -> list[tuple[str, int]]:
    """Return the names and sizes of the files in `directory` that still exist. Raises OSError."""
    found: list[tuple[str, int]] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.append((entry.name, entry.stat(follow_symlinks=False).st_size))
    return found


def thin_out(directory: Path, most: int) -> None:
    """Delete all files of `directory` that can be deleted but the `most` latest."""
    with contextlib.suppress(OSError):
        for file in sorted(os.listdir(directory))[:-most]:
            directory.joinpath(file).unlink()


def write(directory: Path, name: str, data: bytes) -> None:
    """Write a new file of mode 0600, completely or not at all. Raises OSError."""
    temporary = directory / f".{name}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)  # whatever the umask
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        os.rename(temporary, directory / name)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read(path: Path) -> bytes:
    """Return the content of a file. Raises ValueError for a bad file, OSError if it is unknown.

    A link or a pipe is recognised without a descriptor: when all are in use, no file seems bad.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
        raise ValueError("not a file of spans")
    with open(path, "rb", opener=_open_no_link) as file:
        return file.read()


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0))


def alive(pid: int | None) -> bool:
    """Return whether another process of this number runs on this host.

    A process of another host (None) counts as alive, since nothing tells.
    """
    if pid is None:
        return True
    if pid == os.getpid() or not hasattr(os, "geteuid"):  # os.kill ends processes on Windows
        return pid != os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
