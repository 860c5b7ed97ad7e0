"""Kills collections, and commits beside them, at random moments: `python tests/collect/kill_battery.py FOLDER COUNT SEED`.

Each runs in a process of its own, forked from one that has imported everything already. After each kill every kept
release must be whole, and a collection that is left alone must leave no garbage. Prints one JSON object; `failures` must
be empty.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import lastgood
from lastgood.errors import LastgoodError
from lastgood.ids import ReleaseId
from lastgood.registry import collect, commit  # noqa: F401  # imported before the forks
from lastgood.store import repacking, segments, writer  # noqa: F401  # likewise
from lastgood.workspace import file  # noqa: F401  # likewise

FILES = 24
NOW = timedelta(0)


class Battery:
    """One registry, and what went wrong in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)  # moments, not secrets
        self.failures: list[str] = []
        self.dropped: frozenset[ReleaseId] = frozenset()
        self.collected = 0
        self.unfinished = 0
        (folder / "models").mkdir(parents=True)
        (folder / "lastgood.toml").write_text('pipeline = "bot"\n[components.weights]\nkind = "artifact"\npath = "models/"\n')
        lastgood.init(folder, actor="battery").close()

    def edit(self, share: float) -> None:
        for number in range(FILES):
            if self.chance.random() < share:
                (self.folder / f"models/{number}.bin").write_bytes(self.chance.randbytes(self.chance.randrange(60_000)))

    def commit(self) -> None:
        with lastgood.open(self.folder, actor="battery") as registry:
            registry.commit(self.folder, message="again")

    def collect(self) -> None:
        with lastgood.open(self.folder, actor="battery") as registry:
            registry.upkeep.collect(NOW, self.dropped)

    def fork(self, action: Callable[[], None]) -> int:
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)

    def kill(self, child: int, seconds: float) -> int:
        time.sleep(self.chance.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def drop(self) -> None:
        with lastgood.open(self.folder) as registry:
            self.dropped = frozenset(one.release.release for one in registry.releases.log()[2:])

    def check(self, what: str) -> None:
        try:
            with lastgood.open(self.folder) as registry:
                kept = [one.release.label for one in registry.releases.log() if one.release.release not in self.dropped]
                problems = [one.what for label in kept for one in registry.verify(label).problems]
        except LastgoodError as error:
            problems = [str(error)]
        self.failures += [f"after {what}: {one}" for one in problems]

    def converge(self) -> None:
        """A collection that nobody kills leaves nothing but what is needed."""
        self.collect()
        catalog = sqlite3.connect(self.folder / ".lastgood/catalog.db")
        known = {row[0].hex() for row in catalog.execute("SELECT pack FROM index_packs")}
        noted = ("index_orphans", "index_condemned_chunks", "index_condemned_files")
        left = sum(catalog.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in noted)  # noqa: S608  # names of ours
        catalog.close()
        there = {path.stem for path in (self.folder / ".lastgood/store/packs").rglob("*.pack")}
        incoming = list((self.folder / ".lastgood/store/incoming").iterdir())
        if there != known or left or incoming:
            self.failures.append(f"not converged: {len(there - known)} orphans, {len(known - there)} missing, {left} rows, {incoming}")


def run(battery: Battery, kills: int) -> None:
    battery.edit(1)
    battery.commit()
    seconds = 0.0
    for turn in range(kills):
        battery.edit(0.5)
        battery.commit()
        battery.drop()
        if not seconds:
            began = time.monotonic()
            os.waitpid(battery.fork(battery.collect), 0)
            seconds = time.monotonic() - began
            continue
        writer_child = None
        if turn % 2:
            battery.edit(0.3)
            writer_child = battery.fork(battery.commit)
        if battery.kill(battery.fork(battery.collect), seconds * 1.3):
            battery.unfinished += 1
        battery.collected += 1
        if writer_child is not None:
            battery.kill(writer_child, seconds) if turn % 4 == 1 else os.waitpid(writer_child, 0)
        battery.check(f"turn {turn}")
        battery.converge()
        battery.check(f"turn {turn}, converged")
        if battery.failures:
            return


if __name__ == "__main__":
    tried = Battery(Path(sys.argv[1]), int(sys.argv[3]))
    run(tried, int(sys.argv[2]))
    sys.stdout.write(json.dumps({"collected": tried.collected, "unfinished": tried.unfinished, "failures": tried.failures}) + "\n")
