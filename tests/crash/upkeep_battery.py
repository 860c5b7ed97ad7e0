"""Kills repair, backup and import at random moments: `python tests/crash/upkeep_battery.py REGISTRY FOLDER COUNT SEED`.

Each command runs in a process forked from one that has imported everything. After a kill of a repair the index is the old
or the new one, and whatever was there is there, in the packs or in the quarantine; after one of a backup or of an import there is
a whole one or none. Prints one JSON object; `failures` must be empty.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lastgood
import lastgood.catalog.creation
import lastgood.registry.backup
import lastgood.registry.import_backup
import lastgood.registry.repair
import lastgood.registry.verify
from lastgood.errors import LastgoodError

Work = Callable[[Path], None]


@dataclass
class Battery:
    """A registry to start from, and what went wrong with copies of it."""

    registry: Path
    folder: Path
    chance: random.Random
    kills: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def run(self, count: int) -> None:
        whole = self.folder / "whole.tar"
        with lastgood.open(self.registry) as opened:
            opened.upkeep.backup(whole)
        for number in range(count):
            self.kill("repair", number, self.damaged, repair, self.check_repair)
            self.kill("backup", number, self.copied, back_up, self.check_backup)
            self.kill("import", number, self.empty, lambda place: bring_back(whole, place), self.check_import)

    def kill(self, name: str, number: int, prepare: Callable[[Path], None], work: Work, check: Callable[[str, Path, int], bool]) -> None:
        place = self.folder / f"{name}-{number}"
        prepare(place)
        # The first one is not killed, but measured.
        seconds = self.__dict__.setdefault(f"_{name}", None)
        child, started = fork(work, place), time.monotonic()
        if seconds is not None:
            time.sleep(self.chance.uniform(0, seconds * 1.05))
            os.kill(child, signal.SIGKILL)
            self.kills[name] = self.kills.get(name, 0) + 1
        _, status = os.waitpid(child, 0)
        if seconds is None:
            self.__dict__[f"_{name}"] = time.monotonic() - started
        try:
            self.done[name] = self.done.get(name, 0) + check(f"{name} {number}", place, os.waitstatus_to_exitcode(status))
        except LastgoodError as error:
            self.failures.append(f"after {name} {number}: {error}")
        shutil.rmtree(place)

    def copied(self, place: Path) -> None:
        shutil.copytree(self.registry, place)

    def empty(self, place: Path) -> None:
        place.mkdir()

    def damaged(self, place: Path) -> None:
        self.copied(place)
        pack = newest_pack(place)
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)

    def check_repair(self, name: str, place: Path, code: int) -> bool:
        store = place / ".lastgood/store"
        kept = {path.name for path in (store / "packs").rglob("*.pack")} | {path.name for path in (store / "quarantine").glob("*")}
        lost = {path.name for path in (self.registry / ".lastgood/store/packs").rglob("*.pack")} - kept
        if lost:
            self.failures.append(f"{name}: packs are gone: {lost}")
        with lastgood.open(place) as opened:
            before = {label for one in opened.verify().problems for label in one.releases}
            repaired = opened.upkeep.repair()
            hurt = {one.label for one in repaired.hurt}
            after = {label for one in opened.verify(full=True).problems for label in one.releases}
        if not before == hurt == after:
            self.failures.append(f"{name}: {before} were hurt before the second repair, {hurt} in it and {after} after it")
        if code == 0 and repaired.quarantined:
            self.failures.append(f"{name}: was done, and left {repaired.quarantined}")
        return not repaired.quarantined

    def check_backup(self, name: str, place: Path, code: int) -> bool:
        file = place / "backup.tar"
        if not file.exists():
            if code == 0:
                self.failures.append(f"{name}: was done, and is not there")
            return False
        (place / "new").mkdir()
        lastgood.api.import_backup(file, place / "new").close()
        return True

    def check_import(self, name: str, place: Path, code: int) -> bool:
        if not (place / ".lastgood/catalog.db").exists():
            if code == 0:
                self.failures.append(f"{name}: was done, and is not there")
            bring_back(self.folder / "whole.tar", place)
            return False
        with lastgood.open(place) as opened:
            if not opened.verify(full=True).ok:
                self.failures.append(f"{name}: is there, and is not whole")
        return True


def newest_pack(place: Path) -> Path:
    return max((place / ".lastgood/store/packs").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns)


def repair(place: Path) -> None:
    with lastgood.open(place) as opened:
        opened.upkeep.repair()


def back_up(place: Path) -> None:
    with lastgood.open(place) as opened:
        opened.upkeep.backup(place / "backup.tar")


def bring_back(file: Path, place: Path) -> None:
    lastgood.api.import_backup(file, place).close()


def fork(work: Work, place: Path) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work(place)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    tried = Battery(Path(sys.argv[1]), Path(sys.argv[2]), random.Random(int(sys.argv[4])))  # moments, not secrets
    tried.run(int(sys.argv[3]))
    sys.stdout.write(json.dumps({"kills": tried.kills, "done": tried.done, "failures": tried.failures}) + "\n")
