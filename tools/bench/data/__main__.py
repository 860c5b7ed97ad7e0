"""Make the series: `python -m tools.bench.data FOLDER --model MODEL [--only NAME,…] [--quick]`.

A series that is complete is left as it is; one that was interrupted is made again from its beginning.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

MEGABYTE = 1_000_000
SERIES = ("fp32", "bf16", "adam", "two_layer", "jsonl", "parquet", "sources", "large", "harsh")
ON_REQUEST = ("depth",)
# In the file that says a series is complete: a change to what is made gets a new number, and the old bytes go.
RECIPE = "2"

Make = Callable[[dict[str, Path]], None]


def makers(model: Path, *, quick: bool) -> dict[tuple[str, ...], Make]:
    """Say what makes which series, in the order in which they are made."""
    from tools.bench.data import checkpoints, rows, sources  # noqa: PLC0415 - torch takes seconds

    size = checkpoints.QUICK if quick else checkpoints.Size()

    def fine_tuned(make: Callable[[Path, dict[str, Path], checkpoints.Size], None]) -> Make:
        return lambda into: make(model, into, size)

    return {
        ("fp32", "bf16", "adam", "two_layer"): fine_tuned(checkpoints.make_fine_tunes),
        ("jsonl", "parquet"): lambda into: rows.make(into, (10 if quick else 200) * MEGABYTE),
        ("sources",): lambda into: sources.make(into["sources"], 1_000 if quick else 20_000, 10 if quick else 200),
        ("large",): fine_tuned(checkpoints.make_large),
        ("harsh",): fine_tuned(checkpoints.make_harsh),
        ("depth",): fine_tuned(checkpoints.make_depth),
    }


def is_complete(series: Path) -> bool:
    """Say whether a series is there, whole, and made by this recipe."""
    stamp = series / "complete"
    return stamp.is_file() and stamp.read_text() == RECIPE


def main() -> None:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="the folder of MiniLM: model.safetensors, vocab.txt")
    parser.add_argument("--only", default=",".join(SERIES), metavar="NAME,…", help="of: " + ", ".join(SERIES + ON_REQUEST))
    parser.add_argument("--quick", action="store_true", help="small ones, which say little")
    arguments = parser.parse_args()
    # Before torch is loaded: on a machine that has other work, threads that spin while they wait take ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    wanted = set(arguments.only.split(","))
    for names, make in makers(arguments.model, quick=arguments.quick).items():
        into = {name: arguments.folder / name for name in names}
        if not wanted.intersection(names) or all(is_complete(path) for path in into.values()):
            continue
        began = time.perf_counter()
        for path in into.values():
            shutil.rmtree(path, ignore_errors=True)
        make(into)
        for path in into.values():
            (path / "complete").write_text(RECIPE)
        print(f"made {', '.join(names)} in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
