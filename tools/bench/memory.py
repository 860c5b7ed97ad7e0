"""The most memory that a commit and a checkout of one huge file take: random tensors, since nothing in them can be saved.

Opt-in (`--only memory`): it needs three times the file on the disk, and minutes.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from tools.bench import tree
from tools.bench.ourselves import Workspace
from tools.bench.peers.ours import CACHE
from tools.bench.results import Figure

GIGABYTE = 1_000_000_000
MOST_BYTES = 400_000_000
_COLUMNS = 4_096
_TENSOR = 64 * _COLUMNS * _COLUMNS


def write_random(path: Path, size: int) -> None:
    """Write a safetensors file of about `size` bytes: float32 tensors of 1 GiB each, the last one shorter, all random."""
    rows = [min(_TENSOR, size - begin) // (4 * _COLUMNS) for begin in range(0, size, _TENSOR)]
    header, begin = {}, 0
    for number, count in enumerate(rows):
        end = begin + 4 * _COLUMNS * count
        header[f"layer.{number}.weight"] = {"dtype": "F32", "shape": [count, _COLUMNS], "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    draw = random.Random(13)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for written in range(0, begin, 1 << 24):
            file.write(draw.randbytes(min(1 << 24, begin - written)))


def measure(folder: Path, gigabytes: float) -> Iterator[Figure]:
    """Commit such a file and check it out."""
    workspace = Workspace.make(folder, "weights")
    (folder / "weights").mkdir()
    file = folder / "weights" / "random.safetensors"
    write_random(file, int(gigabytes * GIGABYTE))
    what = f"a file of {gigabytes:g} GB of random tensors"
    committed = workspace.run("commit", "-m", "random")
    yield Figure(f"commit of {what}", committed.seconds)
    yield Figure(f"peak memory, commit of {what}", committed.peak_bytes, "B", MOST_BYTES)
    shutil.rmtree(folder / ".lastgood" / CACHE, ignore_errors=True)
    given_back = workspace.run("checkout", "latest", "out")
    yield Figure(f"checkout of {what}", given_back.seconds)
    yield Figure(f"peak memory, checkout of {what}", given_back.peak_bytes, "B", MOST_BYTES)
    tree.check_alike(folder / "weights", folder / "out" / "weights", "lastgood")
    shutil.rmtree(folder)
