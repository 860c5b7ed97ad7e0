"""Draw `plot.svg`: `python -m tools.bench.plot RESULTS PLOT`, in the environment of the bench, which has matplotlib.

Two panels over the series: stored over logical bytes, and the speed of all commits. The same results give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tools.bench import results as results_file
from tools.bench.results import OURS, Outcome, Results

_COLORS = {
    OURS: "#c2410c",
    "restic": "#1d4ed8",
    "borg zstd": "#0f766e",
    "borg lz4": "#5eead4",
    "hf_xet": "#ca8a04",
    "Git LFS": "#6b7280",
    "git": "#374151",
    "DVC": "#9ca3af",
    "ZipNN": "#a855f7",
    "cp": "#d1d5db",
}
_MEGABYTE = 1_000_000


def draw(results: Results, path: Path) -> None:
    """Write the plot."""
    mpl.use("svg")
    # Text stays text, and ids in the file do not change from run to run.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lastgood", "font.size": 9})
    figure, (sizes, speeds) = plt.subplots(2, 1, figsize=(11, 7), layout="constrained")
    _bars(sizes, results, lambda one: one.ratio)
    sizes.set_title("bytes stored / logical bytes (smaller is better)", loc="left")
    _bars(speeds, results, lambda one: one.logical / _MEGABYTE / one.commit_seconds)
    speeds.set_yscale("log")
    speeds.set_title("all commits, whole processes with sync, MB/s (larger is better; logarithmic, so that cp leaves room)", loc="left")
    handles, labels = sizes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(axes: Axes, results: Results, measure: Callable[[Outcome], float]) -> None:
    names = results.series()
    present = [peer for peer in _COLORS if any(peer in results.of(name) for name in names)]
    width = 0.84 / max(1, len(present))
    for place, peer in enumerate(present):
        found: list[tuple[int, Outcome]] = [(at, results.of(name)[peer]) for at, name in enumerate(names) if peer in results.of(name)]
        axes.bar(
            [at + (place - len(present) / 2 + 0.5) * width for at, _ in found],
            [measure(one) for _, one in found],
            width,
            color=_COLORS[peer],
            label=peer,
        )
    axes.set_xticks(range(len(names)), names)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw(results_file.read(Path(sys.argv[1])), Path(sys.argv[2]))
