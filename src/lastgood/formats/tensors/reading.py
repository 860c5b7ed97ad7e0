r"""Which format a file begins like, by its first 64 bytes, and what that format's reader says of it.

An ordinary file costs one read of 64 bytes; a zip its directory. No name is asked for: a format is what its bytes say.

    >>> import io
    >>> read_tensors(io.BytesIO(b"GGUF\x01\0\0\0" + bytes(16)), 24)
    TensorFile(format='gguf', tensors=(), problem='it is of GGUF version 1, of which 2 and 3 in little-endian order are known')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from lastgood.formats.tensors.layout import NotUnderstood, Tensor, TensorFile, settle
from lastgood.formats.tensors.source import Reader

_HEAD = 64
_SHORTEST = 8


def read_tensors(source: BinaryIO, size: int) -> TensorFile | None:
    """Read where the tensors of a file lie.

    Args:
        source: the file, open for reading; it is sought in, and its position is not restored.
        size: in bytes.

    Returns:
        What its header says; with a `problem` and no tensors if it begins like a format and breaks its rules or a bound.
        None if it begins like none.

    Raises:
        OSError: the file cannot be read.
    """
    if size < _SHORTEST:
        return None
    reader = Reader(source, size)
    try:
        head = reader.read(0, min(_HEAD, size))
    except NotUnderstood:
        # It is shorter than was said: nothing is known of it.
        return None
    return _read(reader, head)


def _read(reader: Reader, head: bytes) -> TensorFile | None:
    # A format's reader is imported by the first file that begins like it: a run that meets no tensors pays for none.
    if head[5:9] == b"\0\0\0{":
        from lastgood.formats.tensors import safetensors  # noqa: PLC0415

        return _settled("safetensors", safetensors.read_safetensors(reader), reader) if safetensors.begins_like_safetensors(head) else None
    if head.startswith(b"GGUF"):
        from lastgood.formats.tensors.gguf import read_gguf  # noqa: PLC0415

        return _settled("gguf", read_gguf(reader), reader)
    if head.startswith(b"\x93NUMPY"):
        from lastgood.formats.tensors.npy import read_array  # noqa: PLC0415

        return _settled("npy", read_array(reader), reader)
    if head.startswith(b"PK\x03\x04"):
        from lastgood.formats.tensors.zipped import read_zip  # noqa: PLC0415

        return read_zip(reader)
    if head[0] == 8:  # noqa: PLR2004 - the tag of the first field of an ONNX model
        from lastgood.formats.tensors.onnx import read_onnx  # noqa: PLC0415

        return read_onnx(reader, head)
    return None


def _settled(form: str, tensors: Iterable[Tensor], reader: Reader) -> TensorFile:
    try:
        return TensorFile(form, settle(tensors, reader.size))
    except NotUnderstood as error:
        return TensorFile(form, (), str(error))
