"""A registry with deltas in it, what is done to it, and what its index says.

write_series(desk)
flip(packs_of(desk)[0], 100)
index_of(desk)                      # every row, in an order that does not depend on when packs came
"""

from __future__ import annotations

import json
import random
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.cli.commands import Desk

CHECKPOINTS = 4
NUMBERS = 300_000


def write_series(desk: Desk) -> None:
    """Commit one checkpoint four times, each time with small changes, beside a text that is patched."""
    chance = random.Random(7)
    weights = np.random.default_rng(7).normal(0, 0.02, NUMBERS).astype(np.float32)
    lines = [f"line {number} of the policy says {chance.getrandbits(60):x}" for number in range(4_000)]
    for number in range(CHECKPOINTS):
        weights = weights + np.random.default_rng(number).normal(0, 0.00001, NUMBERS).astype(np.float32)
        lines[number * 50] = f"line {number} was written anew"
        desk.write("models/router.safetensors", safetensors(weights))
        desk.write("prompts/policy.md", "\n".join(lines))
        desk.commit(f"Cite version {number}.", "-m", f"checkpoint {number}")


def safetensors(weights: npt.NDArray[np.float32]) -> bytes:
    """Return one tensor of 32-bit numbers as a file."""
    data = weights.tobytes()
    header = json.dumps({"layer.weight": {"dtype": "F32", "shape": [len(weights)], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def packs_of(desk: Desk) -> list[Path]:
    """Return the packs of a registry, the oldest first: one a release."""
    return sorted((desk.registry / "store/packs").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns)


def flip(pack: Path, place: int) -> None:
    """Change one bit of a file in place, which may be counted from its end."""
    data = bytearray(pack.read_bytes())
    data[place] ^= 4
    mode = pack.stat().st_mode
    pack.chmod(0o644)
    pack.write_bytes(data)
    pack.chmod(mode)


def change_catalog(desk: Desk, *statements: str) -> None:
    """Go beneath everything and change the catalog."""
    with closing(sqlite3.connect(desk.registry / "catalog.db", isolation_level=None)) as catalog:
        for statement in statements:
            catalog.execute(statement)


def rows_of(desk: Desk, query: str) -> list[Any]:
    """Ask the catalog directly."""
    with closing(sqlite3.connect(desk.registry / "catalog.db")) as catalog:
        return catalog.execute(query).fetchall()


def index_of(desk: Desk) -> dict[str, list[Any]]:
    """Return everything that the index says, with packs by their names."""
    named = "JOIN index_packs p ON p.pack_number = t.pack_number"
    return {
        "packs": rows_of(desk, "SELECT pack, size FROM index_packs ORDER BY 1"),
        "frames": rows_of(
            desk,
            f"SELECT p.pack, t.frame, frame_offset, frame_length, raw_length, encoding FROM index_frames t {named} ORDER BY 1, 2",  # noqa: S608
        ),
        "chunks": rows_of(desk, f"SELECT chunk, p.pack, frame, chunk_start, chunk_length FROM index_chunks t {named} ORDER BY 1"),  # noqa: S608
        "deltas": rows_of(desk, "SELECT chunk, base, context, depth FROM index_deltas ORDER BY 1"),
        "labels": rows_of(desk, f"SELECT label, p.pack, chunk FROM index_labels t {named} ORDER BY 1, 2, 3"),  # noqa: S608
        "files": rows_of(desk, "SELECT digest, size, chunks FROM index_files ORDER BY 1"),
    }
