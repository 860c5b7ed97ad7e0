"""Where a file with tensors is cut: at their boundaries, then into blocks, so that one layer gives one chunk anywhere.

The rules, in words. A tensor of 32 KiB or more is a segment of its own, cut into blocks of 2^20 numbers (of about 4 MiB
where its items are no numbers of 1, 2, 4 or 8 bytes). Smaller ones that follow each other are one segment, with the few
bytes between them. What lies around tensors (headers, directories) is cut by content. A segment's label is the first 63
bits of BLAKE3 of name, type, shape and length of its first tensor; each block adds its number.

    >>> import io
    >>> tensor_segments(io.BytesIO(b"no tensors"), 10)
    ()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from blake3 import blake3

from lastgood.formats.tensors import Tensor, read_tensors
from lastgood.model.placement import Label
from lastgood.store.chunking import Segment
from lastgood.store.numbers import NO_ORDER, Numbers

LARGE_TENSOR = 32 << 10
BLOCK_NUMBERS = 1 << 20

_OTHER_BLOCK = 4 << 20
_LARGE_GAP = 1 << 10
_EXPONENTS = {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}


def tensor_segments(source: BinaryIO, size: int) -> Sequence[Segment]:
    """Return the segments that a file with tensors begins with, none where it has no tensors that can be found.

    Raises:
        OSError: the source cannot be read.
    """
    found = read_tensors(source, size)
    if found is None or not found.tensors:
        return ()
    segments = _Segments()
    at = 0
    for tensor in found.tensors:
        segments.add_gap(tensor.offset - at)
        segments.add_tensor(tensor)
        at = tensor.offset + tensor.length
    return segments.finish()


class _Segments:
    """Puts what is small together, in the order of the file."""

    def __init__(self) -> None:
        self._done: list[Segment] = []
        self._length = 0
        self._first: Tensor | None = None

    def add_gap(self, length: int) -> None:
        if length >= _LARGE_GAP:
            self.close()
            self._done.append(Segment(length))
        else:
            self._length += length

    def add_tensor(self, tensor: Tensor) -> None:
        if tensor.length >= LARGE_TENSOR:
            self.close()
            self._done.append(_segment_of(tensor, tensor.length))
            return
        # Numbers of one segment are regrouped together, so they must lie in step.
        if self._length % tensor.item_bytes or (self._first is not None and self._first.item_bytes != tensor.item_bytes):
            self.close()
        self._first = self._first or tensor
        self._length += tensor.length

    def close(self) -> None:
        if self._length:
            self._done.append(Segment(self._length) if self._first is None else _segment_of(self._first, self._length))
        self._length, self._first = 0, None

    def finish(self) -> Sequence[Segment]:
        self.close()
        return tuple(self._done)


def _segment_of(tensor: Tensor, length: int) -> Segment:
    item = tensor.item_bytes
    block = item * (BLOCK_NUMBERS if item in {2, 4, 8} else _OTHER_BLOCK // item)
    return Segment(length, block, Numbers(item, _EXPONENTS.get(tensor.dtype, NO_ORDER)), _label_of(tensor, length))


def _label_of(tensor: Tensor, length: int) -> Label:
    text = f"{tensor.name}\0{tensor.dtype}\0{tensor.shape}\0{length}"
    return int.from_bytes(blake3(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
