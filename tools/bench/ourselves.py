"""Run lastgood alone, in a workspace with one component: for what has no peer."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.bench.clock import Step, timed, timed_alone
from tools.bench.peers.ours import PROGRAM, Ours

_OURS = Ours()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a registry, and one component in the folder of the same name."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, component: str, kind: str = "artifact") -> Workspace:
        """Begin a registry in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lastgood.toml").write_text(f'pipeline = "bench"\n\n[components.{component}]\nkind = "{kind}"\npath = "{component}/"\n')
        made = cls(folder)
        made.run("init")
        return made

    def run(self, *arguments: str) -> Step:
        """Time one command, `sync` included."""
        return timed([[PROGRAM, *arguments]], cwd=self.folder, env=_OURS.environment(self.folder))

    def ask(self, *arguments: str) -> Step:
        """Time one command alone: it syncs what it has to sync itself."""
        return timed_alone([PROGRAM, *arguments], cwd=self.folder, env=_OURS.environment(self.folder))


def median_of(runs: int, measure: Callable[[int], Step]) -> float:
    """Measure several times; return the median of the seconds."""
    return statistics.median(measure(run).seconds for run in range(runs))
