"""The file of a backup or a bundle: a plain tar that anybody can open, written so that there is one way only to write it.

In order: `manifest.json`, then the members that it lists, then `manifest.json.sha256`, then two blocks of zeros.

    manifest.json            canonical JSON: {"schema", …, "members": [{"name", "size", "sha256" or "blake3"}, …]}
    …                        the members; which ones there can be is said by the form (`backup_form`, `bundle_form`)
    manifest.json.sha256     what `sha256sum -c` reads: proves the manifest, which proves everything else

Every header block is the one that Python's tarfile writes for a name and a size (GNU format, mode 0644, no owner, no
time), and what fills the last block of a member is zeros. The reader makes these bytes again and compares: so a byte that
differs anywhere is found, and a member can be neither a link nor a device, nor lie outside. Names come from a fixed set.

    write_member(file, "catalog.db", size, pieces)
    reader = ArchiveReader(file, BACKUP)
    for member, pieces in reader.members(): ...
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Generic, Protocol, TypeVar

from blake3 import blake3

from lastgood.canonical import Json, parse_json_object
from lastgood.errors import Integrity, Invalid, NewerSchema
from lastgood.model.fields import Fields
from lastgood.store.backend import Piece

MANIFEST = "manifest.json"
PROOF = f"{MANIFEST}.sha256"

LONGEST_MANIFEST = 256 << 20
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_PROOF_BYTES = 64 + len(f"  {MANIFEST}\n")
_READ_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup: its name, its size in bytes, and the digest that proves it."""

    name: str
    size: int
    algorithm: str
    digest: str

    def as_json(self) -> Json:
        """Return its entry in the manifest."""
        return {"name": self.name, "size": self.size, self.algorithm: self.digest}


class Contents(Protocol):
    """What the manifest of an archive says, and in it, what follows."""

    @property
    def members(self) -> Sequence[Member]:
        """The members, in their order."""
        ...

    def document(self) -> bytes:
        """Write the manifest."""
        ...


Read_co = TypeVar("Read_co", bound=Contents, covariant=True)


class Form(Protocol[Read_co]):
    """What a kind of archive is called, and what can be in it."""

    @property
    def schema(self) -> str:
        """The schema of its manifest."""
        ...

    @property
    def what(self) -> str:
        """How people call it: `backup`."""
        ...

    def member(self, fields: Fields) -> Member:
        """Read an entry of the manifest.

        Raises:
            Invalid: no such archive has such a member.
        """
        ...

    def contents(self, fields: Fields, members: Sequence[Member]) -> Read_co:
        """Read the manifest around its members.

        Raises:
            Invalid: they are not those that such an archive has.
        """
        ...


def write_member(file: BinaryIO, name: str, size: int, pieces: Iterable[Piece]) -> None:
    """Write a member: its header, its bytes, and zeros to the end of the block.

    Raises:
        Integrity: there are more or fewer bytes than its size.
    """
    file.write(_header(name, size))
    written = 0
    for piece in pieces:
        file.write(piece)
        written += len(piece)
    if written != size:
        raise Integrity(f"{name} has {written:,} bytes, not {size:,}; the file was not made")
    file.write(bytes(_padding(size)))


def write_beginning(file: BinaryIO, contents: Contents) -> None:
    """Write the manifest; its members have to follow in their order."""
    document = contents.document()
    write_member(file, MANIFEST, len(document), [document])


def write_end(file: BinaryIO, contents: Contents) -> None:
    """Write what proves the manifest, and the end of the archive."""
    write_member(file, PROOF, _PROOF_BYTES, [_proof(contents.document())])
    file.write(_END)


class ArchiveReader(Generic[Read_co]):
    """Reads an archive, believing nothing that is not proven.

    Args:
        file: it, at its beginning; it can be sought in.
        form: which kind it has to be.

    Raises:
        Integrity: it is none of that kind, or a byte of it is not what was written.
        NewerSchema: a newer version wrote it.
    """

    def __init__(self, file: BinaryIO, form: Form[Read_co]) -> None:
        self._file = file
        self._form = form
        self._size = file.seek(0, os.SEEK_END)
        # The proof of the manifest stands at a place that is known, so nothing of the manifest is read before it is proven.
        end = 2 * _BLOCK + len(_END)
        self._expect(self._size - end, _header(PROOF, _PROOF_BYTES))
        proof = self._read(self._size - end + _BLOCK, _PROOF_BYTES)
        document = self._manifest()
        if proof != _proof(document):
            raise self._damaged("its manifest is not what was written")
        self._expect(self._size - end + _BLOCK + _PROOF_BYTES, bytes(_padding(_PROOF_BYTES)) + _END)
        self.contents = self._parse(document)
        self._start = _span(len(document))
        if self._start + sum(_span(member.size) for member in self.contents.members) + end != self._size:
            raise self._damaged("it is not as long as its manifest says")

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield what the manifest lists, in order; a member is proven when its last piece was taken, and every piece must be."""
        at = self._start
        for member in self.contents.members:
            self._expect(at, _header(member.name, member.size))
            yield member, self._pieces(member, at + _BLOCK)
            self._expect(at + _BLOCK + member.size, bytes(_padding(member.size)))
            at += _span(member.size)

    def _pieces(self, member: Member, start: int) -> Iterator[bytes]:
        hasher = blake3() if member.algorithm == "blake3" else hashlib.sha256()
        for offset in range(0, member.size, _READ_AT_ONCE):
            piece = self._read(start + offset, min(_READ_AT_ONCE, member.size - offset))
            hasher.update(piece)
            yield piece
        if hasher.digest().hex() != member.digest:
            raise self._damaged(f"{member.name} is not what was written")

    def _manifest(self) -> bytes:
        block = self._read(0, _BLOCK)
        try:
            size = tarfile.TarInfo.frombuf(block, "utf-8", "strict").size
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise self._damaged("it does not begin like one") from error
        if not 0 < size <= min(LONGEST_MANIFEST, self._size) or block != _header(MANIFEST, size):
            raise self._damaged("it does not begin like one")
        self._expect(_BLOCK + size, bytes(_padding(size)))
        return self._read(_BLOCK, size)

    def _read(self, start: int, length: int) -> bytes:
        if start < 0 or start + length > self._size:
            raise self._damaged("it was cut short")
        self._file.seek(start)
        data = self._file.read(length)
        if len(data) != length:
            raise self._damaged("it was cut short")
        return data

    def _expect(self, start: int, expected: bytes) -> None:
        if self._read(start, len(expected)) != expected:
            raise self._damaged(f"what stands around its members is not what was written, near byte {start:,}")

    def _parse(self, document: bytes) -> Read_co:
        what = self._form.what
        try:
            fields = Fields(parse_json_object(document), f"the manifest of a {what}")
            self._require_schema(fields.text("schema"))
            listed = fields.value("members")
            members = [self._form.member(Fields(one, f"a member of a {what}")) for one in (listed if isinstance(listed, list) else ())]
            contents = self._form.contents(fields, members)
            # Written again it is the same, so there is nothing in it that was not understood.
            is_understood = contents.document() == document
        except NewerSchema:
            raise
        except Invalid as error:
            raise self._damaged(str(error)) from error
        if len({member.name for member in members}) != len(members) or not is_understood:
            raise self._damaged(f"its manifest lists what no {what} has")
        return contents

    def _require_schema(self, schema: str) -> None:
        family, _, version = self._form.schema.partition("/")
        if schema.startswith(f"{family}/") and schema != self._form.schema:
            raise NewerSchema(
                f"this {self._form.what} has the schema {schema[:40]}; this lastgood reads version {version}; nothing was made of it"
            )
        if schema != self._form.schema:
            raise self._damaged("its manifest is of another kind")

    def _damaged(self, why: str) -> Integrity:
        what = self._form.what
        return Integrity(f"this is no {what}, or a damaged one: {why}; nothing was made of it", hint=f"take another copy of the {what}")


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _padding(size: int) -> int:
    return -size % _BLOCK


def _span(size: int) -> int:
    return _BLOCK + size + _padding(size)


def _proof(document: bytes) -> bytes:
    return f"{hashlib.sha256(document).hexdigest()}  {MANIFEST}\n".encode()
