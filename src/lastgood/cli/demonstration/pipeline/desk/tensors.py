"""Reads and writes safetensors: a length, a JSON header, then the numbers as they lie in memory.

Source: the format's specification, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LENGTH_BYTES = 8


def write_tensors(path: Path, tensors: dict[str, Floats]) -> None:
    """Write named float32 tensors."""
    header: dict[str, object] = {}
    end = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    # The specification lets the header be filled up with spaces, so that the numbers lie on an address that suits them.
    text += b" " * (-len(text) % _LENGTH_BYTES)
    numbers = b"".join(tensor.astype("<f4").tobytes() for tensor in tensors.values())
    path.write_bytes(len(text).to_bytes(_LENGTH_BYTES, "little") + text + numbers)


def read_tensors(path: Path) -> dict[str, Floats]:
    """Read what `write_tensors` wrote."""
    data = path.read_bytes()
    start = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    found: dict[str, Floats] = {}
    for name, entry in json.loads(data[_LENGTH_BYTES:start]).items():
        begin, end = entry["data_offsets"]
        found[name] = np.frombuffer(data[start + begin : start + end], dtype="<f4").reshape(entry["shape"])
    return found
