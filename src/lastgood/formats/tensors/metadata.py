"""What a file says of itself beside its tensors: the pairs of GGUF, the `__metadata__` of safetensors, PyTorch's names.

>>> import io
>>> header = b'{"__metadata__":{"format":"pt"}}'
>>> read_metadata(io.BytesIO(len(header).to_bytes(8, "little") + header), 8 + len(header))
{'format': 'pt'}
"""

from __future__ import annotations

from typing import BinaryIO

from lastgood.canonical import Json
from lastgood.formats.tensors.layout import NotUnderstood
from lastgood.formats.tensors.source import Reader

_HEAD = 64


def read_metadata(source: BinaryIO, size: int) -> dict[str, Json] | None:
    """Return what the header of a file says beside its tensors; None of a format that says nothing, or breaks its rules.

    Args:
        source: the file, open for reading; it is sought in, and its position is not restored.
        size: in bytes.

    Raises:
        OSError: the file cannot be read.
    """
    reader = Reader(source, size)
    try:
        head = reader.read(0, min(_HEAD, size))
        if head.startswith(b"GGUF"):
            from lastgood.formats.tensors.gguf_pairs import read_pairs  # noqa: PLC0415  # a run that meets none pays for none

            return read_pairs(reader)
        if head[5:9] == b"\0\0\0{":
            from lastgood.formats.tensors.safetensors import read_texts  # noqa: PLC0415  # likewise

            return dict(read_texts(reader))
    except NotUnderstood:
        pass
    return None


def read_names(source: BinaryIO, size: int) -> dict[str, str]:
    """Return the names that a PyTorch file has for the tensors in its storages, by the storage's name (`data/3`).

    Args:
        source: the file, open for reading; it is sought in, and its position is not restored.
        size: in bytes.

    Raises:
        OSError: the file cannot be read.
    """
    from lastgood.formats.tensors.zipped import read_names as names_in_zip  # noqa: PLC0415  # a run that meets none pays for none

    try:
        return names_in_zip(Reader(source, size))
    except NotUnderstood:
        return {}
