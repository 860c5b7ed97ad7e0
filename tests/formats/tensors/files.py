"""Files with tensors, written by hand to the letter of their formats, so that a test can say where every byte lies.

>>> safetensors_file({"w": ("F32", (2,), bytes(8))})[8:15]
b'{"w":{"'
"""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Mapping

from lastgood.formats.tensors import TensorFile, read_tensors


def read(data: bytes, size: int | None = None) -> TensorFile | None:
    """Read the layout of a file that has these bytes, and says that it has `size`."""
    return read_tensors(io.BytesIO(data), len(data) if size is None else size)


def problem_of(data: bytes, form: str) -> str:
    """Read a file that begins like a format and breaks its rules; return what is said about it."""
    file = read(data)
    assert file is not None
    assert (file.format, file.tensors) == (form, ())
    assert file.problem is not None
    assert not file.problem[0].isupper()
    assert not file.problem.endswith(".")
    return file.problem


def layout_of(data: bytes, form: str) -> list[tuple[str, str, tuple[int, ...], bytes, int]]:
    """Read a file of a format; return name, kind, shape, bytes and item of each tensor."""
    file = read(data)
    assert file is not None
    assert (file.format, file.problem) == (form, None)
    check_promises(file, len(data))
    return [(one.name, one.dtype, one.shape, data[one.offset : one.offset + one.length], one.item_bytes) for one in file.tensors]


def peak_of(action: Callable[[], object]) -> int:
    """Return how many bytes Python had allocated at most while doing something."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_promises(file: TensorFile, size: int) -> None:
    """Check what is promised of every layout."""
    assert file.problem is None or not file.tensors
    assert len({one.name for one in file.tensors}) == len(file.tensors)
    end = 0
    for one in file.tensors:
        assert end <= one.offset < one.offset + one.length <= size
        assert 1 <= one.item_bytes <= 255
        assert one.length % one.item_bytes == 0
        assert one.name.encode().decode() == one.name
        assert len(one.name) <= 1_024
        assert all(type(dimension) is int and dimension >= 0 for dimension in one.shape)
        end = one.offset + one.length


# ----------------------------------------------------------------------------------------------------- safetensors


def safetensors_file(tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]], metadata: Mapping[str, str] | None = None) -> bytes:
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    return with_header(json.dumps(header, separators=(",", ":")), b"".join(data for _, _, data in tensors.values()))


def with_header(header: str | bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


# ------------------------------------------------------------------------------------------------------------ gguf


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def described(name: str | bytes, dimensions: Iterable[int], kind: int, offset: int) -> bytes:
    sizes = list(dimensions)
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def gguf_file(
    tensors: Iterable[bytes] = (),
    pairs: Iterable[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    alignment: int = 32,
    counts: tuple[int, int] | None = None,
) -> bytes:
    infos, values = list(tensors), list(pairs)
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(infos), len(values)))) + b"".join(values) + b"".join(infos)
    return head + bytes(-len(head) % alignment) + data


# ------------------------------------------------------------------------------------------------------------- npy


def npy_file(header: str, data: bytes = b"", *, version: int = 1) -> bytes:
    raw = header.encode("latin-1")
    length = struct.pack("<H" if version == 1 else "<I", len(raw))
    return b"\x93NUMPY" + bytes([version, 0]) + length + raw + data


# ------------------------------------------------------------------------------------------------------------ zips


def zip_file(members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return file.getvalue()


def patch_all(data: bytes, old: bytes, new: bytes) -> bytes:
    """Put other bytes of the same length into the header and the directory of a zip alike."""
    assert len(old) == len(new)
    assert data.count(old) == 2
    return data.replace(old, new)


def torch_file(pickle: bytes, storages: Mapping[str, bytes], *, root: str = "model") -> bytes:
    members = {f"{root}/data.pkl": pickle, f"{root}/byteorder": b"little"}
    return zip_file(members | {f"{root}/data/{key}": data for key, data in storages.items()} | {f"{root}/version": b"3\n"})


def short(value: str) -> bytes:
    """Opcode BINUNICODE."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def storage(kind: str, key: str, items: int) -> bytes:
    """The opcodes, of protocol 2 and without a memo, of one storage."""
    return b"(" + short("storage") + f"ctorch\n{kind}\n".encode() + short(key) + short("cpu") + b"J" + struct.pack("<i", items) + b"tQ"


def pickle_of(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


# ------------------------------------------------------------------------------------------------------------ onnx


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def initializer(name: str | bytes, kind: int, dimensions: Iterable[int], raw: bytes) -> bytes:
    label = name.encode() if isinstance(name, str) else name
    return message(5, b"".join(number(1, one) for one in dimensions) + number(2, kind) + message(8, label) + message(9, raw))


def onnx_file(graph: bytes, *, version: int = 8) -> bytes:
    operator_set = message(8, number(2, 17))
    return number(1, version) + message(2, b"by hand") + message(7, graph) + operator_set
