"""The tensors of one side: those of all its files together, since a model may be split into several.

Rule: a file is asked for its tensors by its bytes, whatever its name is; only files whose names say that they are texts or
configs are not asked. A file that begins like one with tensors and breaks the rules of its format has none, and a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lastgood.compare.artifacts.reading import Sources
from lastgood.formats.tensors import Tensor, read_tensors
from lastgood.model.listing import FileEntry

STORAGES = "torch"
"""The format whose tensors are storages with numbers for names: these say nothing of layers."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor, and the file that it lies in."""

    entry: FileEntry
    form: str
    tensor: Tensor

    @property
    def name(self) -> str:
        """The tensor's name, that of the file where the format has none."""
        return self.tensor.name or self.entry.path.rpartition("/")[2]

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
    """

    entry: FileEntry
    form: str | None
    tensors: tuple[Tensor, ...] = ()
    problem: str | None = None


def lay_out(entry: FileEntry, sources: Sources) -> LaidOut:
    """Find the tensors of a file.

    Raises:
        NotFound: it is not kept here.
    """
    found = read_tensors(sources.opened(entry), entry.size)
    if found is None:
        return LaidOut(entry, None)
    return LaidOut(entry, found.format, found.tensors, found.problem)


def placed(files: Iterable[LaidOut]) -> list[Placed]:
    """Return the tensors of files, in the order of these."""
    return [Placed(file.entry, file.form, tensor) for file in files if file.form is not None for tensor in file.tensors]
