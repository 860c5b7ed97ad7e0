"""A long history: what appending to 100,000 events costs, proving one of them, and making every table of facts anew.

The history is written by `lastgood.testing`, a thousand events a transaction; what is measured are the verbs a program calls.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lastgood
from lastgood.api import OpenRegistry
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.clock import SystemClock
from lastgood.ids import EnvironmentName
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.releases import Verdict
from lastgood.model.history import ReleaseRecord
from lastgood.testing.history import History
from tools.bench.results import Figure

EVENTS = 100_000
_AT_ONCE = 1_000
_RUNS = 31


def measure(folder: Path) -> Iterator[Figure]:
    """Write a long history, and use it."""
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "system.md").write_text("be brief\n")
    (folder / "lastgood.toml").write_text('pipeline = "bench"\n[components.p]\nkind = "prompt"\npath = "prompts/"\n')
    with lastgood.init(folder, actor="bench@example.org") as registry:
        release = registry.commit(folder, message="first").release
        _grow(folder / ".lastgood" / "catalog.db", release)
        registry.releases.mark("r1", Verdict.GOOD, "signs what was written")
        yield from _figures(registry)
    shutil.rmtree(folder)


def _grow(catalog: Path, release: ReleaseRecord) -> None:
    database = SQLiteDatabase(catalog)
    history = History(database, seed="bench")
    history.clock.advance(seconds=(SystemClock().now() - history.clock.now()).total_seconds())
    for start in range(0, EVENTS, _AT_ONCE):
        with history.change() as (_, ledger):
            for number in range(start + 1, start + _AT_ONCE + 1):
                ledger.append(
                    EnvironmentMoved(
                        pipeline=release.pipeline,
                        environment=EnvironmentName("prod"),
                        revision=number,
                        kind=MoveKind.DEPLOY,
                        replaced=release.release,
                        release=release.release,
                        behavior=release.behavior,
                        entry=1,
                        below=None,
                        suspects=(),
                        cleared=None,
                        reason=None,
                    )
                )
    database.close()


def _figures(registry: OpenRegistry) -> Iterator[Figure]:
    many = f"{EVENTS:,} events"
    append = _median(lambda _: registry.releases.mark("r1", Verdict.GOOD, "again"))
    yield Figure(f"a change, signed, after {many}", append, budget=0.005)
    yield Figure(f"a proof of inclusion among {many}", _median(lambda run: registry.ledger.prove(run * 3_001)), budget=0.01)
    yield Figure(f"a proof of consistency among {many}", _median(lambda run: registry.ledger.prove_since(run * 3_001 + 1)), budget=0.01)
    began = time.perf_counter()
    verified = registry.verify(name_all=True)
    if not verified.ok:
        raise SystemExit(f"the history is not right: {verified.problems[:3]}")
    yield Figure(f"verify --replay of {many}", time.perf_counter() - began, budget=60)


def _median(do: Callable[[int], object]) -> float:
    seconds = []
    for run in range(_RUNS):
        began = time.perf_counter()
        do(run)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
