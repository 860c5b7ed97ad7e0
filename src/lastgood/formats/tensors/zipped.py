r"""Zips that hold tensors as they are: NumPy's .npz, and PyTorch's files since version 1.6, TorchScript among them.

Only members that are not compressed are laid out. In a PyTorch file a record `data/N` (or `constants/N`) below the archive's
root folder is a storage. Its kind is the one that `data.pkl` (or `constants.pkl`) names; where none is found its items are
taken for four bytes if its length allows it, which splits 2-byte and 8-byte floats into their bytes just as well, and its
dtype is `u8`.

    >>> import io
    >>> read_zip(Reader(io.BytesIO(b"PK\x03\x04 and then something else"), 29)) is None
    True
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.formats.tensors import npy
from lastgood.formats.tensors.archive import Member, first_name, locate, read_members
from lastgood.formats.tensors.items import items_in
from lastgood.formats.tensors.layout import NotUnderstood, Tensor, TensorFile, check_name, make_tensor, settle
from lastgood.formats.tensors.source import Reader
from lastgood.formats.tensors.storages import LONGEST_PICKLE, find_kinds, find_names

_ARRAY = ".npy"
_PICKLE = "data.pkl"
_GUESSED_ITEM = 4


def read_zip(reader: Reader) -> TensorFile | None:
    """Read a zip; None if it is neither NumPy's nor PyTorch's.

    Raises:
        OSError: the file cannot be read.
    """
    form, problem = None, "it is not understood"
    try:
        form = _format_by(first_name(reader))
        members = read_members(reader)
        root = _root_of(members)
        if root is not None:
            form = "torch"
            return TensorFile(form, settle(_read_storages(reader, members, root), reader.size))
        form = "npz" if members and all(member.name.endswith(_ARRAY) for member in members) else None
        if form is not None:
            return TensorFile(form, settle(_read_arrays(reader, members), reader.size))
    except NotUnderstood as error:
        problem = str(error)
    return None if form is None else TensorFile(form, (), problem)


def read_names(reader: Reader) -> dict[str, str]:
    """Return the names that a PyTorch archive has for the tensors in its storages, by the storage's name; none of another zip.

    Raises:
        NotUnderstood: it has no directory that can be read.
    """
    members = read_members(reader)
    root = _root_of(members)
    pickle = next((one for one in members if root is not None and one.is_stored and one.name == f"{root}{_PICKLE}"), None)
    if pickle is None or pickle.length > LONGEST_PICKLE:
        return {}
    found = find_names(reader.read(locate(reader, pickle), pickle.length))
    return {f"data/{key}": name for key, name in found.items() if _can_be_shown(name)}


def _can_be_shown(name: str) -> bool:
    try:
        check_name(name)
    except NotUnderstood:
        return False
    return bool(name)


def _format_by(name: str) -> str | None:
    """Tell what a zip was meant to be by the name of its first member, for one whose directory cannot be read."""
    if name.endswith(_ARRAY):
        return "npz"
    return "torch" if name == _PICKLE or name.endswith(f"/{_PICKLE}") else None


def _root_of(members: list[Member]) -> str | None:
    """Return the root folder of a PyTorch archive, with its slash, or None if it is no such archive."""
    names = {member.name for member in members}
    for member in members:
        root, slash, name = member.name.rpartition("/")
        if name == _PICKLE and "/" not in root and f"{root}{slash}version" in names:
            return f"{root}{slash}"
    return None


def _read_arrays(reader: Reader, members: list[Member]) -> Iterator[Tensor]:
    for member in members:
        if member.is_stored:
            start = locate(reader, member)
            array = npy.read_npy(reader, member.name.removesuffix(_ARRAY), start=start, end=start + member.length)
            if array is not None:
                yield array


def _read_storages(reader: Reader, members: list[Member], root: str) -> Iterator[Tensor]:
    by_name = {member.name.removeprefix(root): member for member in members if member.is_stored and member.name.startswith(root)}
    for folder in ("data", "constants"):
        pickle = by_name.get(f"{folder}.pkl")
        kinds = {} if pickle is None or pickle.length > LONGEST_PICKLE else find_kinds(reader.read(locate(reader, pickle), pickle.length))
        for name, member in by_name.items():
            if name.startswith(f"{folder}/"):
                yield _storage(name, kinds.get(name.removeprefix(f"{folder}/")), locate(reader, member), member.length)


def _storage(name: str, kind: str | None, offset: int, length: int) -> Tensor:
    if kind is None:
        return make_tensor(name, "u8", (length,), offset=offset, length=length, item_bytes=_GUESSED_ITEM)
    return make_tensor(name, kind, (items_in(kind, length),), offset=offset, length=length)
