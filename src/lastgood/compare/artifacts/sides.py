"""The tensors of one side: those of all its files together, since a model may be split into several.

Rule: a file is asked for its tensors by its bytes, whatever its name is; only files whose names say that they are texts or
configs are not asked. A file that begins like one with tensors and breaks the rules of its format has none, and a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastgood.compare.artifacts.reading import Sources
from lastgood.formats.tensors import Tensor, read_tensors
from lastgood.formats.tensors.metadata import read_names
from lastgood.model.listing import FileEntry

STORAGES = "torch"
"""The format whose tensors are storages, with numbers for names where its pickle has no others."""


PICKLED = "what a pickle holds can only be known by running it, which is never done"
"""The problem of a file that is a pickle and no zip around one, as PyTorch wrote them before 2020."""

_PICKLES = frozenset(bytes([0x80, version]) for version in range(2, 6))
_NAMES = {"pickle": "a pickle", "torch": "PyTorch", "gguf": "GGUF", "npy": "NumPy", "npz": "NumPy", "onnx": "ONNX"}


def format_name(form: str) -> str:
    """Return a format as people call it."""
    return _NAMES.get(form, form)


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor, the file that it lies in, and its name: that of the file where the format has none."""

    entry: FileEntry
    form: str
    tensor: Tensor
    name: str

    @property
    def is_numbered(self) -> bool:
        """Whether its name is a number that says nothing of where it belongs."""
        return self.form == STORAGES and self.name == self.tensor.name

    @property
    def place(self) -> tuple[str, int]:
        """Where it lies, to sort by."""
        return self.entry.path, self.tensor.offset


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A file of one side with what was found of tensors in it.

    Attributes:
        entry: the file.
        form: its format, None where it begins like none.
        tensors: what lies in it.
        problem: why it could not be understood, as a clause.
        names: how tensors are called that have a number for a name.
    """

    entry: FileEntry
    form: str | None
    tensors: tuple[Tensor, ...] = ()
    problem: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def lay_out(entry: FileEntry, sources: Sources) -> LaidOut:
    """Find the tensors of a file.

    Raises:
        NotFound: it is not kept here.
    """
    source = sources.opened(entry)
    found = read_tensors(source, entry.size)
    if found is None:
        head = sources.read(entry, 0, min(entry.size, 2))
        return LaidOut(entry, "pickle", (), PICKLED) if head in _PICKLES else LaidOut(entry, None)
    names = read_names(source, entry.size) if found.format == STORAGES and found.problem is None else {}
    return LaidOut(entry, found.format, found.tensors, found.problem, names)


def placed(files: Iterable[LaidOut]) -> list[Placed]:
    """Return the tensors of files, in the order of these."""
    return [Placed(file.entry, file.form, tensor, _name_of(file, tensor)) for file in files if file.form for tensor in file.tensors]


def _name_of(file: LaidOut, tensor: Tensor) -> str:
    return file.names.get(tensor.name, tensor.name) or file.entry.path.rpartition("/")[2]
