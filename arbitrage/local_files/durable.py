"""Writing files so that they are whole: all of it or nothing, on the disk and not only on the way there."""

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(file: int, data: bytes) -> None:
    """Write all of `data` to a descriptor. Raises OSError, perhaps after a part of it."""
    written = os.write(file, data)
    while written < len(data):  # a disk that fills up takes a part, and says why at the next try
        more = os.write(file, data[written:])
        if not more:
            raise OSError(errno.ENOSPC, "nothing more could be written")
        written += more


def open_nameless(folder: Path) -> int:
    """Return a descriptor of a new file on this folder's disk that has no name, and is gone once it is closed.

    Raises OSError if there can be none.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return os.dup(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Put a whole new file, for its owner only, in the place of `path`. Raises OSError; then the old one is as it was.

    The new one begins with a dot and the writer's process id, so that two writers do not meet.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            write_whole(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: a rename lasts only after this. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_bounded(path: Path, most: int) -> bytes:
    """Return what an ordinary file holds. Raises OSError, also for a link, a device and a file above `most` bytes."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        data = os.read(file, most + 1)
    finally:
        os.close(file)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes")
    return data
