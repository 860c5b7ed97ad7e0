"""The file of a backup: a plain tar that anybody can open, written so that there is one way only to write it.

In order: `manifest.json`, then the members that it lists, then `manifest.json.sha256`, then two blocks of zeros.

    manifest.json            canonical JSON: {"schema": "lastgood.backup/1", "registry": UUID, "events": how many,
                             "members": [{"name", "size", "sha256"} or {"name", "size", "blake3"}, …]}
    catalog.db               the catalog, as it was at one moment
    store/packs/ab/….pack    the packs that it knows; a pack's blake3 is its name
    manifest.json.sha256     what `sha256sum -c` reads: proves the manifest, which proves everything else

Every header block is the one that Python's tarfile writes for a name and a size (GNU format, mode 0644, no owner, no
time), and what fills the last block of a member is zeros. The reader makes these bytes again and compares: so a byte that
differs anywhere is found, and a member can be neither a link nor a device, nor lie outside. Names come from a fixed set.

    write_member(file, "catalog.db", size, pieces)
    reader = ArchiveReader(file)
    for member, pieces in reader.members(): ...
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from blake3 import blake3

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.errors import Integrity, Invalid, NewerSchema
from lastgood.ids import PackId, RegistryId
from lastgood.model.fields import Fields
from lastgood.store.backend import Piece
from lastgood.store.pack import pack_name

CATALOG_MEMBER = "catalog.db"
STORE = "store/"
MANIFEST = "manifest.json"
PROOF = f"{MANIFEST}.sha256"
SCHEMA = "lastgood.backup/1"

LONGEST_MANIFEST = 256 << 20
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_PROOF_BYTES = 64 + len(f"  {MANIFEST}\n")
_READ_AT_ONCE = 4 << 20
_HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup: its name, its size in bytes, and the digest that proves it."""

    name: str
    size: int
    algorithm: str
    digest: str

    @classmethod
    def of_pack(cls, pack: PackId, size: int) -> Member:
        """Return the member that a pack is."""
        return cls(STORE + pack_name(pack), size, "blake3", str(pack))

    def as_json(self) -> Json:
        """Return its entry in the manifest."""
        return {"name": self.name, "size": self.size, self.algorithm: self.digest}


@dataclass(frozen=True, slots=True)
class Contents:
    """What the manifest of a backup says: whose it is, how long its history is, and what follows."""

    registry: RegistryId
    events: int
    members: Sequence[Member]

    def document(self) -> bytes:
        """Write the manifest."""
        members = [member.as_json() for member in self.members]
        return canonical_json({"schema": SCHEMA, "registry": str(self.registry), "events": self.events, "members": members})


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
        raise Integrity(f"{name} has {written:,} bytes, not {size:,}; no backup was made")
    file.write(bytes(_padding(size)))


def write_beginning(file: BinaryIO, contents: Contents) -> None:
    """Write the manifest; its members have to follow in their order."""
    document = contents.document()
    write_member(file, MANIFEST, len(document), [document])


def write_end(file: BinaryIO, contents: Contents) -> None:
    """Write what proves the manifest, and the end of the archive."""
    write_member(file, PROOF, _PROOF_BYTES, [_proof(contents.document())])
    file.write(_END)


class ArchiveReader:
    """Reads a backup, believing nothing that is not proven.

    Args:
        file: it, at its beginning; it can be sought in.

    Raises:
        Integrity: it is no backup, or a byte of it is not what was written.
        NewerSchema: a newer version wrote it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        # The proof of the manifest stands at a place that is known, so nothing of the manifest is read before it is proven.
        end = 2 * _BLOCK + len(_END)
        self._expect(self._size - end, _header(PROOF, _PROOF_BYTES))
        proof = self._read(self._size - end + _BLOCK, _PROOF_BYTES)
        document = self._manifest()
        if proof != _proof(document):
            raise _damaged("its manifest is not what was written")
        self._expect(self._size - end + _BLOCK + _PROOF_BYTES, bytes(_padding(_PROOF_BYTES)) + _END)
        self.contents = _parse(document)
        self._start = _span(len(document))
        if self._start + sum(_span(member.size) for member in self.contents.members) + end != self._size:
            raise _damaged("it is not as long as its manifest says")

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
            raise _damaged(f"{member.name} is not what was written")

    def _manifest(self) -> bytes:
        block = self._read(0, _BLOCK)
        try:
            size = tarfile.TarInfo.frombuf(block, "utf-8", "strict").size
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise _damaged("it does not begin like one") from error
        if not 0 < size <= min(LONGEST_MANIFEST, self._size) or block != _header(MANIFEST, size):
            raise _damaged("it does not begin like one")
        self._expect(_BLOCK + size, bytes(_padding(size)))
        return self._read(_BLOCK, size)

    def _read(self, start: int, length: int) -> bytes:
        if start < 0 or start + length > self._size:
            raise _damaged("it was cut short")
        self._file.seek(start)
        data = self._file.read(length)
        if len(data) != length:
            raise _damaged("it was cut short")
        return data

    def _expect(self, start: int, expected: bytes) -> None:
        if self._read(start, len(expected)) != expected:
            raise _damaged(f"what stands around its members is not what was written, near byte {start:,}")


def _damaged(what: str) -> Integrity:
    return Integrity(f"this is no backup, or a damaged one: {what}; nothing was made of it", hint="take another copy of the backup")


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


def _parse(document: bytes) -> Contents:
    try:
        fields = Fields(parse_json_object(document), "the manifest of a backup")
        _require_schema(fields.text("schema"))
        listed = fields.value("members")
        members = [_parse_member(Fields(one, "a member of a backup")) for one in (listed if isinstance(listed, list) else ())]
        contents = Contents(RegistryId.parse(fields.text("registry")), fields.optional_int("events") or 0, members)
        # Written again it is the same, so there is nothing in it that was not understood.
        is_understood = contents.document() == document
    except NewerSchema:
        raise
    except Invalid as error:
        raise _damaged(str(error)) from error
    names = [member.name for member in members]
    if names[:1] != [CATALOG_MEMBER] or len(set(names)) != len(names) or not is_understood:
        raise _damaged("its manifest lists what no backup has")
    return contents


def _require_schema(schema: str) -> None:
    family, _, version = SCHEMA.partition("/")
    if schema.startswith(f"{family}/") and schema != SCHEMA:
        raise NewerSchema(f"this backup has the schema {schema[:40]}; this lastgood reads version {version}; nothing was made of it")
    if schema != SCHEMA:
        raise _damaged("its manifest is of another kind")


def _parse_member(fields: Fields) -> Member:
    name, size = fields.text("name"), fields.optional_int("size") or 0
    algorithm = "sha256" if name == CATALOG_MEMBER else "blake3"
    digest = fields.text(algorithm)
    if size <= 0 or not _HEX.fullmatch(digest) or (name != CATALOG_MEMBER and name != STORE + pack_name(PackId.parse(digest))):
        raise _damaged(f"its manifest lists {name[:80]!r}, which no backup has")
    return Member(name, size, algorithm, digest)
