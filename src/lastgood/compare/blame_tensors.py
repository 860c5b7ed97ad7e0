"""Which version last changed each tensor of a checkpoint, told from the store's chunks: what is shared is never read.

Rules: a tensor is the same where its name, type and shape are and its bytes are. Bytes are the same where the same chunks
hold them at the same place; two tensors that both are made of whole chunks, cut alike, differ where a chunk does. Only what
this leaves open (small tensors that share a chunk, a file that was cut by content) is read, and hashed.

    >>> layer_of("bert.encoder.layer.4.output.dense.weight"), layer_of("wte.weight")
    (('bert.encoder.layer', 4), None)
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lastgood.canonical import JsonObject
from lastgood.compare.artifacts.layers import group_of
from lastgood.compare.blame import Untraceable
from lastgood.errors import Gone, NotFound
from lastgood.formats.tensors import Tensor, read_tensors
from lastgood.ids import FileDigest
from lastgood.model.placement import FileAccess, FilePart

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class TensorPart:
    """A tensor, as the newest version has it."""

    tensor: Tensor

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"tensor": self.tensor.name, "dtype": self.tensor.dtype, "shape": list(self.tensor.shape), "bytes": self.tensor.length}


@dataclass(frozen=True, slots=True)
class TracedTensors:
    """The tensors of a file by name, each with the version it comes from."""

    digest: FileDigest
    tensors: dict[str, tuple[Tensor, int]]


class TensorTracer:
    """Follows tensors."""

    def __init__(self, files: FileAccess) -> None:
        self.notes: list[str] = []
        self._files = files
        self._bytes = _Bytes(files)

    def trace(self, before: Sequence[TracedTensors], digest: FileDigest, version: int) -> TracedTensors:
        """Return where the tensors of a file come from."""
        tensors: dict[str, tuple[Tensor, int]] = {}
        for tensor in read_layout(self._files, digest):
            origins = (older.tensors[tensor.name][1] for older in before if self._is_in(older, digest, tensor))
            tensors[tensor.name] = tensor, next(origins, version)
        return TracedTensors(digest, tensors)

    def parts(self, trace: TracedTensors) -> Iterator[tuple[TensorPart, int]]:
        """Yield the tensors."""
        return ((TensorPart(tensor), origin) for tensor, origin in trace.tensors.values())

    def _is_in(self, older: TracedTensors, digest: FileDigest, new: Tensor) -> bool:
        old = older.tensors.get(new.name, (None, 0))[0]
        if old is None or (old.dtype, old.shape, old.length) != (new.dtype, new.shape, new.length):
            return False
        return self._bytes.same(older.digest, old, digest, new)


def read_layout(files: FileAccess, digest: FileDigest) -> tuple[Tensor, ...]:
    """Return the tensors of a file.

    Raises:
        Untraceable: it has none that can be found, or its bytes are not here.
        Integrity: its bytes are damaged.
    """
    try:
        size = sum(part.length for part in files.parts_of(digest))
        with files.open_file(digest) as source:
            found = read_tensors(source, size)
    except Gone as error:
        raise Untraceable("its bytes were removed by policy") from error
    except NotFound as error:
        raise Untraceable("its bytes are not kept here") from error
    if found is None or found.problem is not None:
        raise Untraceable("it is no file of tensors" if found is None else f"its tensors cannot be found: {found.problem}")
    return found.tensors


def layer_of(name: str) -> tuple[str, int] | None:
    """Return the layer that a tensor belongs to, its stack and its number, as `artifacts.layers` tells it; None for a module.

    A name that ends with the number is that of a storage in PyTorch's zip (`data/3`), or of one thing in a list: no layer.
    """
    group = group_of(name)
    ends = name.replace("/", ".").rpartition(".")[2].isdigit()
    return None if group.number is None or ends else (group.stack, group.number)


@dataclass(frozen=True, slots=True)
class _Run:
    """The parts of a file that hold a run of bytes, where in them it begins, and whether it is whole parts."""

    parts: tuple[FilePart, ...]
    start: int
    whole: bool

    def same(self, other: _Run) -> bool | None:
        """Say whether two runs of one length hold the same bytes; None where their parts do not tell."""
        alike = [one.identity == two.identity for one, two in zip(self.parts, other.parts, strict=False)]
        if len(self.parts) == len(other.parts) and self.start == other.start and all(alike):
            return True
        cuts = [tuple(part.length for part in run.parts) for run in (self, other)]
        return False if self.whole and other.whole and cuts[0] == cuts[1] else None


class _Bytes:
    """Tells whether runs of bytes are the same, reading only what cannot be told otherwise."""

    def __init__(self, files: FileAccess) -> None:
        self._files = files
        self._parts: dict[FileDigest, tuple[Sequence[FilePart], list[int]]] = {}
        self._hashes: dict[tuple[FileDigest, int], bytes] = {}

    def same(self, old_file: FileDigest, old: Tensor, new_file: FileDigest, new: Tensor) -> bool:
        known = self._run(old_file, old).same(self._run(new_file, new))
        return self._hash(old_file, old) == self._hash(new_file, new) if known is None else known

    def _run(self, digest: FileDigest, tensor: Tensor) -> _Run:
        if digest not in self._parts:
            parts = self._files.parts_of(digest)
            self._parts[digest] = parts, [0, *accumulate(part.length for part in parts)]
        parts, starts = self._parts[digest]
        end = tensor.offset + tensor.length
        first, last = bisect_right(starts, tensor.offset) - 1, bisect_right(starts, end - 1) - 1
        covering = tuple(parts[first : last + 1])
        return _Run(covering, tensor.offset - starts[first], starts[first] == tensor.offset and starts[last + 1] == end)

    def _hash(self, digest: FileDigest, tensor: Tensor) -> bytes:
        key = digest, tensor.offset
        if key not in self._hashes:
            hasher, left = hashlib.blake2b(), tensor.length
            with self._files.open_file(digest) as source:
                source.seek(tensor.offset)
                while left and (piece := source.read(min(_PIECE, left))):
                    hasher.update(piece)
                    left -= len(piece)
            self._hashes[key] = hasher.digest()
        return self._hashes[key]
