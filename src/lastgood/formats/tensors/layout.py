"""What a reader of any format returns, and what is checked of every one: tensors inside the file, sorted, disjoint.

The bounds here are of memory: with them the layout of any file, hostile or not, takes at most some 100 MB while it is
read, and less once it is there (`docs/design.md` has them in a table).

    >>> tensor = make_tensor("wte", "f32", (2, 3), offset=8, length=24)
    >>> tensor.item_bytes
    4
    >>> settle([tensor], size=32) == (tensor,)
    True
    >>> settle([tensor], size=31)
    Traceback (most recent call last):
    ...
    lastgood.formats.tensors.layout.NotUnderstood: the tensor 'wte' ends at byte 32 of a file of 31
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lastgood.formats.tensors.items import BITS, item_bytes_of

MOST_TENSORS = 100_000
"""How many tensors a file may have; the largest models are split into files of some thousands each."""

LONGEST_NAME = 1_024
"""How many characters a tensor's name may have."""

MOST_NAME_CHARACTERS = 10_000_000
"""How many characters the names of one file's tensors may have together."""

MOST_DIMENSIONS = 32
"""How many dimensions a tensor may have."""

LARGEST_ITEM = 255
"""Items of more bytes than this are not regrouped: their tensor counts as bytes."""


class NotUnderstood(ValueError):
    """A file that begins like a format breaks a rule of it, or a bound; the message says which, as a clause of its own."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One run of a file that holds the items of one tensor, or of one storage that tensors share.

    Args:
        name: as the file has it, at most `LONGEST_NAME` characters, unique in the file; in PyTorch's zip the record's name
            below the archive's root (`data/3`), in an `.npz` the member's without `.npy`, in an `.npy` empty.
        dtype: in lower case (`f32`, `bf16`, `i64`, `f8_e4m3`); a quantised kind of GGUF by its own name (`q4_k`); with
            the ending `_be` where the bytes of an item are in big-endian order.
        shape: the slowest dimension first; of a storage, its number of items.
        offset: where it begins, in bytes from the start of the file.
        length: in bytes, at least 1.
        item_bytes: how many bytes repeat as an item, 1 to `LARGEST_ITEM`; it divides `length`. Of a complex number the
            float inside, of a quantised tensor its block.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    item_bytes: int


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What the header of a file says.

    Args:
        format: `safetensors`, `gguf`, `npy`, `npz`, `torch` or `onnx`.
        tensors: sorted by offset, not overlapping, inside the file, none empty.
        problem: why a file that begins like this format was not understood, as a clause ("its header is cut short");
            then there are no tensors.
    """

    format: str
    tensors: tuple[Tensor, ...]
    problem: str | None = None


def make_tensor(name: str, dtype: str, shape: tuple[int, ...], *, offset: int, length: int, item_bytes: int | None = None) -> Tensor:
    """Make a tensor whose items divide its length, or else count as bytes.

    Args:
        name: as the file has it.
        dtype: a name of `items`, or any other.
        shape: the slowest dimension first.
        offset: in bytes.
        length: in bytes.
        item_bytes: where the name of the kind does not say it.

    Raises:
        NotUnderstood: the name or the shape breaks a bound.
    """
    check_name(name)
    item = item_bytes_of(dtype) if item_bytes is None else item_bytes
    if not 0 < item <= LARGEST_ITEM or length % item:
        item = 1
    return Tensor(name, dtype, shape, offset, length, item)


def check_name(name: str) -> None:
    """Refuse a name that is too long, or that could not be written down again or shown.

    Raises:
        NotUnderstood: it is one.
    """
    if len(name) > LONGEST_NAME:
        raise NotUnderstood(f"the name of a tensor has more than {LONGEST_NAME:,} characters")
    if name.isprintable():
        return
    if any("\ud800" <= one <= "\udfff" for one in name):
        raise NotUnderstood("the name of a tensor is not Unicode text")
    if any(one < " " or "\x7f" <= one < "\xa0" for one in name):
        raise NotUnderstood("the name of a tensor has control characters")


def check_shape(name: str, shape: Iterable[object]) -> tuple[int, ...]:
    """Return the dimensions of a tensor, if they are whole numbers and not too many.

    Raises:
        NotUnderstood: they are not.
    """
    dimensions: list[int] = []
    for one in shape:
        if type(one) is not int or not 0 <= one < 1 << 64 or len(dimensions) == MOST_DIMENSIONS:
            raise NotUnderstood(f"the shape of the tensor {shown(name)} is not a list of at most {MOST_DIMENSIONS} sizes")
        dimensions.append(one)
    return tuple(dimensions)


def check_length(name: str, dtype: str, shape: tuple[int, ...], length: int) -> None:
    """Refuse a length that the shape does not ask for; of a kind that is not known nothing can be said.

    Raises:
        NotUnderstood: they do not agree.
    """
    bits = BITS.get(dtype.removesuffix("_be"))
    if bits is None:
        return
    asked = -(-math.prod(shape) * bits // 8)
    if asked != length:
        raise NotUnderstood(f"the tensor {shown(name)} has {length:,} bytes where its shape asks for another number")


def settle(tensors: Iterable[Tensor], size: int) -> tuple[Tensor, ...]:
    """Sort tensors by their place, without those that have no bytes, after checking that every rule holds.

    Args:
        tensors: in any order.
        size: of the file, in bytes.

    Raises:
        NotUnderstood: there are too many, two have one name, one lies outside the file, or two overlap.
    """
    found: list[Tensor] = []
    names: set[str] = set()
    characters = 0
    for tensor in tensors:
        characters += len(tensor.name)
        if len(names) == MOST_TENSORS or characters > MOST_NAME_CHARACTERS:
            raise NotUnderstood(f"it has more than {MOST_TENSORS:,} tensors, or names of more than {MOST_NAME_CHARACTERS:,} characters")
        if tensor.name in names:
            raise NotUnderstood(f"it has two tensors named {shown(tensor.name)}")
        names.add(tensor.name)
        if tensor.length:
            found.append(tensor)
    found.sort(key=lambda one: one.offset)
    _check_places(found, size)
    return tuple(found)


def _check_places(tensors: list[Tensor], size: int) -> None:
    end = 0
    for tensor in tensors:
        if tensor.offset < end:
            raise NotUnderstood(f"the tensor {shown(tensor.name)} begins at byte {tensor.offset:,}, before the one that ends at {end:,}")
        end = tensor.offset + tensor.length
        if end > size:
            raise NotUnderstood(f"the tensor {shown(tensor.name)} ends at byte {end:,} of a file of {size:,}")


def shown(name: str) -> str:
    """Return a name as a message shows it: quoted, and not long."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")  # noqa: PLR2004 - what fits on a line
