r"""NumPy's .npy: a short header, which is a Python literal, then one array.

The literal is matched, never evaluated. What a structured kind holds is not looked at: its items are as long as the data
and the shape say.

Source: NEP 1 and the module `numpy.lib.format`, versions 1 to 3.

    >>> import io
    >>> text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
    >>> file = b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + bytes(24)
    >>> read_npy(Reader(io.BytesIO(file), len(file)), "", start=0, end=len(file))
    Tensor(name='', dtype='f32', shape=(2, 3), offset=69, length=24, item_bytes=4)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from lastgood.formats.tensors.layout import NotUnderstood, Tensor, check_shape, make_tensor, shown
from lastgood.formats.tensors.source import Reader

MAGIC = b"\x93NUMPY"

LONGEST_HEADER = 64 << 10
"""How many bytes the header may have; that of an array of plain numbers has some sixty."""

_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_PREFIX = len(MAGIC) + 2
_AHEAD = 256
_ITEM = re.compile(
    r"""\s*(?P<quote>['"])(?P<key>descr|fortran_order|shape)(?P=quote)\s*:\s*
    (?: (?P<text>'[^'\\]*+'|"[^"\\]*+") | (?P<truth>True|False) | \((?P<shape>[0-9L,\s]*+)\) | (?P<list>\[.*\]) )
    \s*(?:,|(?=\}))\s*""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SHAPE = re.compile(r"\s*(?:[0-9]{1,20}L?\s*(?:,\s*[0-9]{1,20}L?\s*)*+,?\s*)?", re.ASCII)
_KIND = re.compile(r"([<>|=]?)([a-zA-Z])([0-9]{0,9})(?:\[[0-9]{0,9}[a-zA-Z]{1,8}(?:/[0-9]{1,9})?\])?", re.ASCII)
_NAMES = {"b": "bool", "i": "i", "u": "u", "f": "f", "c": "c"}
_CHARACTER_BYTES = 4


def read_array(reader: Reader) -> Iterator[Tensor]:
    """Give the array of a file that holds nothing else, unless it is of Python objects.

    Raises:
        NotUnderstood: the header breaks a rule of the format, or a bound.
    """
    array = read_npy(reader, "", start=0, end=reader.size)
    if array is not None:
        yield array


def read_npy(reader: Reader, name: str, *, start: int, end: int) -> Tensor | None:
    """Read the array that fills a span of a file; None if it holds Python objects, which are a pickle.

    Args:
        reader: the file.
        name: what to call the array.
        start: where the span begins, in bytes.
        end: where it ends.

    Raises:
        NotUnderstood: it is no array by the rules of the format.
    """
    at, text = _header(reader, start, end)
    fields = _fields(text)
    shape = check_shape(name, [int(one.rstrip("L")) for one in re.findall(r"[0-9]+L?", fields["shape"])])
    items, length = math.prod(shape), end - at
    kind = fields["descr"]
    if kind.startswith("["):
        dtype, item_bytes, item_length = "structured", length // max(items, 1), length // max(items, 1)
    else:
        dtype, item_bytes, item_length = _kind(kind.strip("'\""))
    if dtype == "object":
        return None
    if items * item_length != length:
        raise NotUnderstood(f"the array {shown(name)} has {length:,} bytes where its shape and kind ask for another number")
    return make_tensor(name, dtype, shape, offset=at, length=length, item_bytes=item_bytes)


def _header(reader: Reader, start: int, end: int) -> tuple[int, str]:
    """Return where the data begins, and the header's text."""
    if end - start < _PREFIX:
        raise NotUnderstood("it is cut short within the header of an array")
    prefix = reader.read(start, _PREFIX, ahead=_AHEAD)
    width = _LENGTH_BYTES.get(prefix[len(MAGIC)]) if prefix.startswith(MAGIC) else None
    if width is None:
        raise NotUnderstood("the header of an array has no version from 1 to 3")
    at = start + _PREFIX + width
    length = int.from_bytes(reader.read(start + _PREFIX, width), "little") if at <= end else 0
    if length > LONGEST_HEADER:
        raise NotUnderstood(f"the header of an array would have {length:,} bytes, more than {LONGEST_HEADER:,}")
    if at + length > end:
        raise NotUnderstood("it is cut short within the header of an array")
    # Only the names inside a structured kind can be other than ASCII, and those are not looked at.
    return at + length, reader.read(at, length).decode("latin-1")


def _fields(text: str) -> dict[str, str]:
    """Return the values of the three keys, as they are written."""
    body = text.strip()
    found: dict[str, str] = {}
    at = 1
    while body.startswith("{") and (item := _ITEM.match(body, at)):
        key = item["key"]
        value = {"descr": item["text"] or item["list"], "fortran_order": item["truth"], "shape": item["shape"]}[key]
        if key in found or value is None:
            break
        found[key] = value
        at = item.end()
    if body[at:] != "}" or len(found) != len(("descr", "fortran_order", "shape")) or not _SHAPE.fullmatch(found["shape"]):
        raise NotUnderstood("the header of an array is not a dictionary of descr, fortran_order and shape")
    return found


def _kind(written: str) -> tuple[str, int, int]:
    """Return the name of a kind, how many bytes repeat, and how many an item has."""
    match = _KIND.fullmatch(written)
    if match is None:
        raise NotUnderstood(f"an array is of a kind that is not known: {shown(written)}")
    order, letter, digits = match[1], match[2], int(match[3] or 0)
    if letter == "O":
        return "object", 1, 0
    ending = "_be" if order == ">" else ""
    if letter == "b":
        return "bool", 1, digits
    if letter in _NAMES:
        return f"{_NAMES[letter]}{digits * 8}{ending}", digits // 2 if letter == "c" else digits, digits
    if letter == "U":
        return f"text{ending}", _CHARACTER_BYTES, digits * _CHARACTER_BYTES
    # Texts in bytes, dates, durations and opaque items: `|S5`, `<M8[ns]`, `|V2`.
    return f"{letter.lower()}{digits}{ending}", digits, digits
