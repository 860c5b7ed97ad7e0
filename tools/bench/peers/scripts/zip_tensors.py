"""Compress a folder of tensors with ZipNN, or bring it back: `zip_tensors.py commit|restore FOLDER STORE FLOATS`.

Run by the Python of the bench's environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import zipnn


def commit(folder: Path, store: Path, floats: str) -> None:
    """Compress each file as bytes of one kind of float."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            target = store / f"{path.relative_to(folder)}.znn"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(zipnn.ZipNN(bytearray_dtype=floats).compress(bytearray(path.read_bytes())))


def restore(folder: Path, store: Path, floats: str) -> None:
    """Decompress each file."""
    for path in sorted(store.rglob("*.znn")):
        target = folder / path.relative_to(store).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(zipnn.ZipNN(bytearray_dtype=floats).decompress(path.read_bytes()))


if __name__ == "__main__":
    {"commit": commit, "restore": restore}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
