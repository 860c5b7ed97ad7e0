"""safetensors files, written as the original is: its names, its order, its metadata.

The format: eight bytes of header length (little-endian), a JSON header, the tensors one after the other.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import torch

DTYPES = {
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}

Tensors = Mapping[str, torch.Tensor]


def read(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file, in the order of its header."""
    body = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<Q", body)
    header = json.loads(body[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        flat = torch.frombuffer(body, dtype=dtype, count=(end - begin) // dtype.itemsize, offset=8 + length + begin)
        found[name] = flat.reshape(entry["shape"]).clone()
    return found


def write(path: Path, tensors: Tensors) -> None:
    """Write tensors in the order they are given, the header padded with spaces to a multiple of eight bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, begin + size]}
        begin += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())


def as_bf16(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Return an export in bfloat16, rounded to nearest; what is no float stays."""
    return {name: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
