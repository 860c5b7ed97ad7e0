"""A zip that somebody gave us, read in memory and with limits; nothing of it is ever written to disk.

Rules: all entries are looked at before any is read. An absolute name, one with `..` or a backslash, a name that stands twice,
a link, an encrypted entry, an archive within the archive, more entries or bytes than there may be, or a size that no honest
compression reaches: each refuses the whole archive, with a word for it in the error's details. Sizes are counted while
reading, whatever the entry says of itself.

    with open_archive(path) as archive:
        users = archive.read_json("users.json")
"""

from __future__ import annotations

import errno
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lastgood.errors import InvalidArchive, of_os_error

_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_SIZE, _LOCATOR_SIZE, _LONGEST_COMMENT = 22, 20, 1 << 16
_IN_64 = 0xFFFF, 0xFFFFFFFF
_NESTED = frozenset({".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".jar", ".zst"})
_SMALL = 1 << 20
_STEP = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, NotImplementedError, EOFError, RuntimeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold.

    Attributes:
        archive: bytes of the archive itself.
        entries: how many entries.
        directory: bytes of its table of contents.
        entry: bytes of one entry, unpacked.
        total: bytes of all that is read, unpacked.
        ratio: how many times its packed size an entry of more than a mebibyte may have.
    """

    archive: int = 4 << 30
    entries: int = 250_000
    directory: int = 64 << 20
    entry: int = 64 << 20
    total: int = 4 << 30
    ratio: int = 200


USUAL = Limits()


class Archive:
    """The entries of a zip that was looked through.

    Args:
        opened: the zip.
        limits: how much it may hold.
    """

    def __init__(self, opened: zipfile.ZipFile, limits: Limits) -> None:
        self._opened = opened
        self._limits = limits
        self._read = 0
        self._entries = _looked_through(opened.infolist(), limits)

    @property
    def names(self) -> Sequence[str]:
        """The names of its files, in order."""
        return sorted(self._entries)

    def read_json(self, name: str) -> object:
        """Return an entry that is JSON.

        Raises:
            InvalidArchive: it is not there, is damaged or too large, or is no JSON.
        """
        data = self._bytes(name)
        try:
            return json.loads(data.decode())
        except (ValueError, RecursionError) as error:
            raise _wrong("broken-json", name, f"is no JSON: {error}") from error

    def _bytes(self, name: str) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise _wrong("missing", name, "is missing")
        parts: list[bytes] = []
        length = 0
        try:
            with self._opened.open(entry) as stream:
                while part := stream.read(_STEP):
                    length += len(part)
                    self._read += len(part)
                    if length > self._limits.entry or self._read > self._limits.total:
                        raise _wrong("too-large", name, "has more bytes than may be read")
                    parts.append(part)
        except _BROKEN as error:
            raise _wrong("damaged", name, f"cannot be unpacked: {error}") from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise of_os_error(error, f"{self._opened.filename} cannot be read") from error
            # A place that no file has, such as one before its beginning: so the table of contents says.
            raise _wrong("damaged", name, "cannot be unpacked: it is said to lie outside of the archive") from error
        return b"".join(parts)


@contextmanager
def open_archive(path: Path, limits: Limits = USUAL) -> Iterator[Archive]:
    """Open a zip and look through it.

    Raises:
        InvalidArchive: it is no zip, or holds what it must not.
        NotFound, NotAllowed, Unavailable: it cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise of_os_error(error, f"{path.name} cannot be read") from error
    with file:
        _check_size(file, limits)
        try:
            opened = zipfile.ZipFile(file)
        except (*_BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise of_os_error(error, f"{path.name} cannot be read") from error
            raise InvalidArchive(f"{path.name} is no zip: {error}; nothing was recorded", details={"reason": "no-zip"}) from error
        with opened:
            yield Archive(opened, limits)


def _check_size(file: BinaryIO, limits: Limits) -> None:
    """See that reading the table of contents takes a bounded amount of memory; what is no zip is found by who reads it."""
    length = file.seek(0, 2)
    if length > limits.archive:
        raise InvalidArchive(f"the archive has more than {limits.archive:,} bytes; nothing was recorded", details={"reason": "too-large"})
    start = max(0, length - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_SIZE)
    file.seek(start)
    tail = file.read()
    # As zipfile does: the last place where it can be.
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_SIZE:
        return
    count, size = struct.unpack_from("<HI", tail, place + 10)
    if place >= _LOCATOR_SIZE and tail[place - _LOCATOR_SIZE :].startswith(_LOCATOR_64):
        (where,) = struct.unpack_from("<Q", tail, place - _LOCATOR_SIZE + 8)
        file.seek(min(where, length))
        end = file.read(56)
        if end.startswith(_END_64) and len(end) == 56:  # noqa: PLR2004 - the size of the record
            count, size = struct.unpack_from("<QQ", end, 32)
    elif (count, size) != (0, 0) and (count == _IN_64[0] or size == _IN_64[1]):
        raise InvalidArchive("the archive's table of contents is damaged; nothing was recorded", details={"reason": "damaged"})
    if count > limits.entries or size > limits.directory:
        raise InvalidArchive(
            f"the archive has {count:,} entries, more than {limits.entries:,} may be read; nothing was recorded",
            details={"reason": "too-many"},
        )


def _looked_through(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > limits.entries:
        raise InvalidArchive(f"the archive has more than {limits.entries:,} entries; nothing was recorded", details={"reason": "too-many"})
    found: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    total = 0
    for one in entries:
        name = one.orig_filename
        _check_name(name)
        if name.casefold() in folded:
            raise _wrong("duplicate", name, "stands in it twice")
        folded.add(name.casefold())
        _check_entry(one, name, limits)
        total += one.file_size
        if not name.endswith("/"):
            found[name] = one
    if total > limits.total:
        raise InvalidArchive(f"the archive unpacks to {total:,} bytes, more than may be read", details={"reason": "too-large"})
    return found


def _check_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    drive = len(name) > 1 and name[1] == ":"
    if not name or name.startswith("/") or drive or "\\" in name or ".." in parts or not name.isprintable():
        raise _wrong("unsafe-name", name, "has a name that leads elsewhere")


def _check_entry(one: zipfile.ZipInfo, name: str, limits: Limits) -> None:
    kind = stat.S_IFMT(one.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _wrong("link", name, "is a link, or no plain file")
    if one.flag_bits & 0x1:
        raise _wrong("encrypted", name, "is encrypted")
    if PurePosixPath(name).suffix.lower() in _NESTED:
        raise _wrong("nested", name, "is an archive within the archive")
    if one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _wrong("unknown-compression", name, "is packed in a way that is not read here")
    if one.file_size > limits.entry:
        raise _wrong("too-large", name, f"unpacks to {one.file_size:,} bytes, more than may be read")
    if one.file_size > _SMALL and one.file_size > limits.ratio * max(1, one.compress_size):
        raise _wrong("bomb", name, "unpacks to far more than any honest file")


def _wrong(reason: str, name: str, what: str) -> InvalidArchive:
    return InvalidArchive(f"{name[:120]!r} in the archive {what}; nothing was recorded", details={"reason": reason, "entry": name[:255]})
