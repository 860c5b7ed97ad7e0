"""The directory of a zip, as data: which members lie in the file as they are, and where; checked against their own headers.

Nothing is decompressed. Members that share bytes are refused, so that no directory can make one run of bytes be read many
times over.

Source: PKWARE's APPNOTE, sections 4.3 and 4.5.3, with its 64-bit extension.

    >>> import io, zipfile
    >>> with zipfile.ZipFile(file := io.BytesIO(), "w") as zip: zip.writestr("a/version", "3")
    >>> reader = Reader(file, len(file.getvalue()))
    >>> [(one.name, one.length) for one in read_members(reader)]
    [('a/version', 1)]
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lastgood.formats.tensors.layout import NotUnderstood, shown
from lastgood.formats.tensors.source import Reader

MAGIC = b"PK\x03\x04"

LONGEST_DIRECTORY = 16 << 20
"""How many bytes the directory may have."""

MOST_MEMBERS = 120_000
"""How many members a zip may have."""

LONGEST_MEMBER_NAME = 1_024
"""How many bytes the name of a member may have."""

_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_LONGEST_COMMENT = 0xFFFF
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFF_FFFF
_EXTRA_64 = 1
_ENCRYPTED, _SIZES_FOLLOW, _UTF_8 = 1, 8, 0x800


@dataclass(frozen=True, slots=True)
class Member:
    """One member.

    Args:
        name: as text.
        raw_name: as the zip has it.
        header: where its own header begins.
        length: how many bytes it has in the file.
        end: where the next member, or the directory, begins.
        is_stored: its bytes lie there as they are, not compressed.
    """

    name: str
    raw_name: bytes
    header: int
    length: int
    end: int
    is_stored: bool


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the directory lies."""

    count: int
    start: int
    length: int


def first_name(reader: Reader) -> str:
    """Return the name of the first member by its own header, or an empty text: what a zip with a bad directory was."""
    try:
        fields = _LOCAL.unpack(reader.read(0, _LOCAL.size))
        return reader.read(_LOCAL.size, fields[9]).decode("latin-1")
    except NotUnderstood:
        return ""


def read_members(reader: Reader) -> list[Member]:
    """Return the members that the directory lists, in the order of their place.

    Raises:
        NotUnderstood: the directory breaks a rule of the format, or a bound.
    """
    directory = _find_directory(reader)
    if directory.count > MOST_MEMBERS or directory.length > LONGEST_DIRECTORY:
        raise NotUnderstood(f"its directory has more than {MOST_MEMBERS:,} members, or more than {LONGEST_DIRECTORY:,} bytes")
    data = reader.read(directory.start, directory.length)
    members = sorted(_entries(data, directory.count), key=lambda member: member.header)
    if len({member.name for member in members}) < len(members):
        raise NotUnderstood("its directory lists two members with one name")
    ends = [member.header for member in members[1:]] + [directory.start]
    members = [replace(member, end=end) for member, end in zip(members, ends, strict=False)]
    if any(_data_at_least(member) + member.length > member.end for member in members):
        raise NotUnderstood("its directory lists members that overlap")
    return members


def _data_at_least(member: Member) -> int:
    return member.header + _LOCAL.size + len(member.raw_name)


def locate(reader: Reader, member: Member) -> int:
    """Return where the bytes of a member begin, after checking that its own header says what the directory says.

    Raises:
        NotUnderstood: it does not.
    """
    header = reader.read(member.header, _LOCAL.size + len(member.raw_name))
    signature, _, flags, method, _, _, _, length, raw_length, name_length, extra_length = _LOCAL.unpack_from(header)
    # Where the sizes follow behind the bytes, or stand in an extra field, the header has none.
    lengths = {member.length, _FULL_32} | ({0} if flags & _SIZES_FOLLOW else set())
    start = _data_at_least(member) + int(extra_length)
    agrees = signature == MAGIC and header[_LOCAL.size :] == member.raw_name and name_length == len(member.raw_name)
    if not agrees or bool(method) == member.is_stored or {length, raw_length} - lengths or start + member.length > member.end:
        raise NotUnderstood(f"the header of its member {shown(member.name)} does not agree with its directory")
    return start


def _find_directory(reader: Reader) -> _Directory:
    at, end = _find_end(reader)
    _, disk, first_disk, _, count, length, start, _ = end
    if at >= _LOCATOR.size:
        locator = _LOCATOR.unpack(reader.read(at - _LOCATOR.size, _LOCATOR.size))
        if locator[0] == b"PK\x06\x07":
            at = locator[2]
            if at > reader.size - _END_64.size:
                raise NotUnderstood("the end of its directory is not where it says")
            signature, _, _, _, disk, first_disk, _, count, length, start = _END_64.unpack(reader.read(at, _END_64.size))
            if signature != b"PK\x06\x06":
                raise NotUnderstood("the end of its directory is not where it says")
    if disk or first_disk or start + length > at:
        raise NotUnderstood("its directory does not lie before its end")
    return _Directory(count, start, length)


def _find_end(reader: Reader) -> tuple[int, tuple[int, ...]]:
    """Return where the end of the directory is recorded, and the record."""
    tail_length = min(_END.size + _LONGEST_COMMENT, reader.size)
    for length in (min(_END.size, reader.size), tail_length):
        start = reader.size - length
        tail = reader.read(start, length)
        at = tail.rfind(b"PK\x05\x06")
        while at >= 0:
            if at + _END.size <= length and at + _END.size + int.from_bytes(tail[at + 20 : at + 22], "little") == length:
                return start + at, _END.unpack_from(tail, at)
            at = tail.rfind(b"PK\x05\x06", 0, at)
    raise NotUnderstood("it is cut short: it has no directory")


def _entries(data: bytes, count: int) -> Iterator[Member]:
    at = 0
    for _ in range(count):
        if at + _ENTRY.size > len(data):
            raise NotUnderstood("its directory is cut short")
        entry = _ENTRY.unpack_from(data, at)
        name_at = at + _ENTRY.size
        extra_at = name_at + entry[10]
        at = extra_at + entry[11] + entry[12]
        if entry[0] != b"PK\x01\x02" or at > len(data):
            raise NotUnderstood("its directory is damaged")
        yield _member(entry, data[name_at:extra_at], data[extra_at : extra_at + entry[11]])
    if at != len(data):
        raise NotUnderstood("its directory lists fewer members than it holds")


def _member(entry: tuple[int, ...], raw_name: bytes, extra: bytes) -> Member:
    flags, method, length, raw_length, header = entry[3], entry[4], entry[8], entry[9], entry[16]
    if len(raw_name) > LONGEST_MEMBER_NAME:
        raise NotUnderstood(f"the name of a member has more than {LONGEST_MEMBER_NAME:,} bytes")
    if _FULL_32 in {length, raw_length, header}:
        wide = _extra_64(extra)
        raw_length, length, header = (next(wide) if one == _FULL_32 else one for one in (raw_length, length, header))
    is_stored = method == 0 and not flags & _ENCRYPTED
    if is_stored and length != raw_length:
        raise NotUnderstood("a member that is not compressed has two lengths")
    return Member(_decode(raw_name, flags), raw_name, header, length, end=0, is_stored=is_stored)


def _extra_64(extra: bytes) -> Iterator[int]:
    """Give the numbers of the 64-bit extension."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if tag == _EXTRA_64:
            field = extra[at : at + length]
            for start in range(0, len(field) - 7, 8):
                yield int.from_bytes(field[start : start + 8], "little")
            break
        at += length
    raise NotUnderstood("a member of its directory lacks its 64-bit sizes")


def _decode(raw_name: bytes, flags: int) -> str:
    try:
        return raw_name.decode()
    except UnicodeDecodeError as error:
        if flags & _UTF_8:
            raise NotUnderstood("the name of a member is not UTF-8") from error
        return raw_name.decode("cp437")
