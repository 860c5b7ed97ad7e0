"""Kills lastgood at random moments and looks at what is left: `python tests/crash/kill_battery.py FOLDER COUNT SEED`.

Each command runs in a process of its own, forked from one that has imported everything already, so that a kill nearly
always hits lastgood's work and not Python's start. Prints one JSON object; `failures` must be empty.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import lastgood
from lastgood.cli import checkout, commit, deploy, main, rollback, verify  # noqa: F401  # imported before the forks
from lastgood.errors import LastgoodError
from lastgood.live import environments  # noqa: F401  # likewise
from lastgood.registry import commit as _commit  # noqa: F401  # likewise
from lastgood.workspace import file  # noqa: F401  # likewise

FILES = 40


@dataclass
class Battery:
    """One registry with a workspace and a live folder, and what went wrong in it."""

    folder: Path
    chance: random.Random
    kills: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        (self.folder / "prompts").mkdir(parents=True)
        (self.folder / "models").mkdir()
        (self.folder / "prompts/system.md").write_text("Cite the policy.\n")
        (self.folder / "lastgood.toml").write_text(
            'pipeline = "bot"\n'
            '[components.prompts]\nkind = "prompt"\npath = "prompts/"\n'
            '[components.weights]\nkind = "artifact"\npath = "models/"\n'
            '[environments.prod]\nlive = "run/prod"\n'
        )
        self.write_weights()
        self.must("init")
        self.must("commit", "-m", "first")
        self.must("deploy", "prod")

    def write_weights(self) -> None:
        for number in range(FILES):
            (self.folder / f"models/{number}.bin").write_bytes(self.chance.randbytes(self.chance.randrange(50_000)))

    def edit(self, mark: int) -> None:
        (self.folder / "prompts/system.md").write_text(f"Cite the policy, version {mark}.\n")
        (self.folder / f"models/{mark % FILES}.bin").write_bytes(self.chance.randbytes(300_000))

    def must(self, *arguments: str) -> None:
        code = wait(self.fork(*arguments))
        if code != 0:
            self.failures.append(f"{' '.join(arguments)} exited with {code}: {self.said()}")

    def fork(self, *arguments: str) -> int:
        child = os.fork()
        if child:
            return child
        descriptor = os.open(self.folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        code = 99
        try:
            main.main(["-C", str(self.folder), *arguments])
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 98
        finally:
            sys.stdout.flush()
            os._exit(code)

    def said(self) -> str:
        return (self.folder.parent / "said").read_text()[-500:]

    def state(self) -> tuple[int, int, str]:
        """How many releases there are, how often prod was moved, and what it is on."""
        with lastgood.open(self.folder, actor="battery") as registry:
            releases = registry.releases.log()
            prod = registry.environments.get("prod")
            return len(releases), prod.revision, str(prod.release.release)

    def kill(self, name: str, seconds: float, *arguments: str) -> None:
        """Kill one command somewhere, then check that the state is wholly before or wholly after it."""
        before = self.state()
        child = self.fork(*arguments)
        time.sleep(self.chance.uniform(0, seconds * 1.1))
        os.kill(child, signal.SIGKILL)
        code = wait(child)
        self.kills[name] = self.kills.get(name, 0) + 1
        self.check(name, before, code)

    def check(self, name: str, before: tuple[int, int, str], code: int) -> None:
        try:
            with lastgood.open(self.folder, actor="battery") as registry:
                verified = registry.verify()
            if not verified.ok:
                self.failures.append(f"after {name}: {[one.what for one in verified.problems]}")
            now = self.state()
        except LastgoodError as error:
            self.failures.append(f"after {name}: {error}")
            return
        done = now != before
        self.after[name] = self.after.get(name, 0) + done
        if code == 0 and not done:
            self.failures.append(f"{name} was acknowledged and is lost")
        steps = (now[0] - before[0], now[1] - before[1])
        if steps not in {(0, 0), (1, 0) if name == "commit" else (0, 1)}:
            self.failures.append(f"{name} left half a state: {before} became {now}")

    def live_is_right(self) -> None:
        """After the next command, `current` is what prod is on, whole."""
        self.must("env", "list")
        current = os.readlink(self.folder / "run/prod/current").rpartition("/")[2]
        if current != self.state()[2]:
            self.failures.append(f"current is {current}, prod is on {self.state()[2]}")
        if not (self.folder / "run/prod/current/prompts/system.md").read_text().endswith(".\n"):
            self.failures.append("the live prompt is torn")


def wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def measure(battery: Battery, *arguments: str) -> float:
    started = time.monotonic()
    battery.must(*arguments)
    return time.monotonic() - started


def run(battery: Battery, count: int) -> None:
    battery.prepare()
    battery.edit(1)
    seconds = {"commit": measure(battery, "commit", "-m", "measured"), "deploy": measure(battery, "deploy", "prod")}
    seconds["rollback"] = measure(battery, "rollback", "prod")
    for turn in range(count // 3):
        battery.edit(turn + 2)
        battery.kill("commit", seconds["commit"], "commit", "-m", f"turn {turn}")
        battery.must("commit", "-m", f"turn {turn}, again")
        battery.kill("deploy", seconds["deploy"], "deploy", "prod")
        battery.live_is_right()
        battery.must("deploy", "prod")
        battery.kill("rollback", seconds["rollback"], "rollback", "prod")
        battery.live_is_right()
        if battery.failures:
            return


if __name__ == "__main__":
    where, how_many, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    tried = Battery(where, random.Random(seed))  # moments, not secrets
    run(tried, how_many)
    sys.stdout.write(json.dumps({"kills": tried.kills, "after": tried.after, "failures": tried.failures}) + "\n")
