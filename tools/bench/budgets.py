"""What a person waits for beside commits of series: start-up, going back, a real model's folder. Medians, with budgets.

These are without `sync`: lastgood syncs what it acknowledges itself, and there is no peer beside it.
Many small files are a series (`sources`), with every peer beside us.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from tools.bench.clock import timed_alone
from tools.bench.ourselves import Workspace, median_of
from tools.bench.peers.ours import PROGRAM
from tools.bench.results import Figure


def measure(folder: Path, model: Path) -> Iterator[Figure]:
    """Measure all of them."""
    for number, part in enumerate((_start, _going_back)):
        place = folder / str(number)
        place.mkdir(parents=True)
        yield from part(place)
    yield from _real_model(folder / "real", model)


def _start(folder: Path) -> Iterator[Figure]:
    """Measure what every command pays."""
    yield Figure("lastgood --version", median_of(15, lambda _: timed_alone([PROGRAM, "--version"], cwd=folder)), budget=0.15)


def _going_back(folder: Path) -> Iterator[Figure]:
    """Measure moves of an environment, each rollback after a deploy of something new; and what a revision is."""
    prompt = folder / "prompts" / "system.md"
    prompt.parent.mkdir()
    prompt.write_text("be brief\n")
    workspace = Workspace.make(folder, "prompts", "prompt")
    workspace.ask("commit", "-m", "first")
    workspace.ask("deploy", "prod")
    deploys, rollbacks, resolves = [], [], []
    for run in range(9):
        prompt.write_text(f"be brief, version {run}\n")
        workspace.ask("commit", "-m", f"version {run}")
        deploys.append(workspace.ask("deploy", "prod").seconds)
        resolves.append(workspace.ask("show", "prod@good").seconds)
        rollbacks.append(workspace.ask("rollback", "prod").seconds)
    yield Figure("deploy", statistics.median(deploys))
    yield Figure("show of what a revision names", statistics.median(resolves))
    yield Figure("rollback", statistics.median(rollbacks), budget=0.5)


def _real_model(folder: Path, model: Path) -> Iterator[Figure]:
    """Measure a real model's folder: weights, vocabulary, configurations."""
    folder.mkdir()
    copied = timed_alone(["cp", "--recursive", model, folder / "model"], cwd=folder)
    yield Figure("cp of a real model (92 MB)", copied.seconds)
    workspace = Workspace.make(folder, "model")
    yield Figure("first commit of a real model", workspace.ask("commit", "-m", "first").seconds)
    yield Figure("commit of a real model, unchanged", median_of(5, lambda _: workspace.ask("commit", "-m", "same")), budget=0.6)
    yield Figure("checkout of a real model", median_of(3, lambda run: workspace.ask("checkout", "latest", f"out{run}")))
    shutil.rmtree(folder)
