"""Small models for tests of comparing artifacts: tensors by name, written as files of several formats.

files = {"model.safetensors": saved(model())}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.formats.tensors.files import described, gguf_file, message, number, pickle_of, safetensors_file, short, storage, text, torch_file

Array = npt.NDArray[Any]
Model = Mapping[str, Array]

_KINDS = {"f4": "F32", "f2": "F16", "f8": "F64", "u1": "U8", "i1": "I8", "i8": "I64", "i4": "I32", "u2": "BF16", "b1": "BOOL"}
LAYERS = 6


def ones(*shape: int, dtype: str = "f4") -> Array:
    return np.ones(shape, np.dtype(dtype))


def model(layers: int = LAYERS) -> dict[str, Array]:
    """A small encoder with a head; every value is 1, so that what is added to one is its share of the length."""
    found = {"embeddings.word_embeddings.weight": ones(10, 4)}
    for layer in range(layers):
        found[f"encoder.layer.{layer}.attention.self.query.weight"] = ones(4, 4)
        found[f"encoder.layer.{layer}.output.LayerNorm.bias"] = ones(4)
    return found | {"pooler.dense.weight": ones(4, 4), "classifier.weight": ones(2, 4)}


def moved(model: Model, by: Mapping[str, float]) -> dict[str, Array]:
    """Add to every value of the tensors whose names begin so."""
    found = dict(model)
    for begin, add in by.items():
        found |= {name: (value + add).astype(value.dtype) for name, value in model.items() if name.startswith(begin)}
    return found


def saved(model: Model, metadata: Mapping[str, str] | None = None, kinds: Mapping[str, str] | None = None) -> bytes:
    """Write a model as safetensors; an unsigned integer of two bytes stands for a bfloat16."""
    tensors = {}
    for name, value in model.items():
        kind = (kinds or {}).get(name) or _KINDS[value.dtype.str[1:]]
        tensors[name] = (kind, value.shape, value.tobytes())
    return safetensors_file(tensors, metadata)


def pickled(model: Model) -> bytes:
    """Write a model as `torch.save` does, opcode by opcode."""
    tensors = b""
    for place, (name, value) in enumerate(model.items()):
        size = b"(" + b"".join(b"K" + bytes([one]) for one in value.shape) + b"t"
        rest = b"K\0" + size + size + b"\x89ccollections\nOrderedDict\n)R"
        tensors += short(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage("FloatStorage", str(place), value.size) + rest + b"tR"
    pickle = pickle_of(b"}(", tensors, b"u")
    return torch_file(pickle, {str(place): value.tobytes() for place, value in enumerate(model.values())})


def bf16(value: Array) -> Array:
    return (value.astype("<f4").view("<u4") >> 16).astype("<u2")


def gguf(tensors: Mapping[str, tuple[int, tuple[int, ...], bytes]], pairs: Mapping[str, str | int] | None = None) -> bytes:
    """Write GGUF: of each tensor the number of its kind, its shape and its bytes."""
    infos, data = [], b""
    for name, (kind, shape, raw) in tensors.items():
        infos.append(described(name, reversed(shape), kind, len(data)))
        data += raw + bytes(-len(raw) % 32)
    return gguf_file(infos, [_pair(key, value) for key, value in (pairs or {}).items()], data)


def _pair(key: str, value: str | int) -> bytes:
    if isinstance(value, str):
        return text(key) + (8).to_bytes(4, "little") + text(value)
    return text(key) + (4).to_bytes(4, "little") + value.to_bytes(4, "little")


def tokenizer(tokens: Mapping[str, int], special: Mapping[str, int] | None = None, merges: tuple[str, ...] = (), **rest: object) -> str:
    """Write a `tokenizer.json`."""
    added = [{"id": number, "content": content, "special": True} for content, number in (special or {}).items()]
    return json.dumps({"version": "1.0", **rest, "added_tokens": added, "model": {"type": "BPE", "vocab": tokens, "merges": list(merges)}})


def pieces(*texts: tuple[str, int]) -> bytes:
    """Write a SentencePiece model: the text and the kind of each piece."""
    return b"".join(message(1, message(1, text.encode()) + b"\x15" + bytes(4) + number(3, kind)) for text, kind in texts)
