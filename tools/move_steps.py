"""Environments under many steps and many hands: `python tools/move_steps.py --steps 100000`, `--deploys 5000 --deployers 64`.

With `--steps` the state machine of `tests/model/test_environment_machine.py` takes about so many steps, each on a real
SQLite catalog and on a memory of it. With `--deploys` so many deploys are made through the Python API, each deployer with a
registry of its own, and history must be one line: each revision once, each replacing what was there before, every answer
in it, and no move recorded before one that was answered before it was asked for.
"""

# ruff: noqa: S101 - what history must be is asserted, for a test as for a person

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import lastgood
from lastgood.errors import StaleEnvironment

RELEASES = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What a deployer was told of one move, and between which two moments it was made."""

    revision: int
    before: int | None
    after: int
    asked: float
    answered: float


def deploy_at_once(folder: Path, deployers: int, deploys: int) -> list[Told]:
    """Let deployers move one environment of a new registry until so many moves were made; return what they were told."""
    (folder / "lastgood.toml").write_text('pipeline = "bot"\n[components.p]\nkind = "prompt"\npath = "p.md"\n')
    (folder / "p.md").write_text("0")
    with lastgood.init(folder, actor="ada") as registry:
        for number in range(RELEASES):
            (folder / "p.md").write_text(str(number))
            registry.commit(folder)
    told: list[Told] = []
    failures: list[BaseException] = []
    turns = iter(range(deploys))
    lock = threading.Lock()

    def work(number: int) -> None:
        try:
            with lastgood.open(folder, actor=f"deployer {number}") as mine:
                while True:
                    with lock:
                        turn = next(turns, None)
                    if turn is None:
                        return
                    told.append(_deploy(mine, turn + number))
        except BaseException as error:  # noqa: BLE001 - the main thread judges
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(deployers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return told


def _deploy(registry: lastgood.api.OpenRegistry, turn: int) -> Told:
    """Deploy something else than what is live, trying again where somebody else was first."""
    while True:
        asked = time.monotonic()
        try:
            moved = registry.environments.deploy("prod", f"r{turn % RELEASES + 1}")
        except StaleEnvironment:
            continue
        if moved.changed:
            before = None if moved.before is None else moved.before.number
            return Told(moved.revision, before, moved.after.number, asked, time.monotonic())
        turn += 1


def require_linear(folder: Path, told: list[Told]) -> None:
    """See that history is one line that agrees with every answer, and with the order in which answers came.

    Raises:
        AssertionError: it is not.
    """
    with lastgood.open(folder) as registry:
        history = [stay.deployment for stay in registry.environments.history("prod")][::-1]
    assert [one.revision for one in history] == list(range(1, len(told) + 1)), "each revision stands there once"
    assert [one.replaced_number for one in history] == [None, *(one.number for one in history[:-1])], "each replaced the one before"
    by_revision = {one.revision: one for one in told}
    assert len(by_revision) == len(told), "two deployers were told the same revision"
    for one in history:
        answer = by_revision[one.revision]
        assert (answer.before, answer.after) == (one.replaced_number, one.number), "history says what was answered"
    earliest_answer = float("inf")
    for answer in sorted(told, key=lambda one: one.revision, reverse=True):
        assert answer.asked <= earliest_answer, "a move was asked for after a later one had been answered"
        earliest_answer = min(earliest_answer, answer.answered)


def take_steps(steps: int) -> None:
    """Let the state machine take about so many steps."""
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - only this half needs it
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415

    from tests.model.test_environment_machine import EnvironmentMachine  # noqa: PLC0415

    length = 50
    chosen = settings(
        max_examples=max(1, steps // length), stateful_step_count=length, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(EnvironmentMachine, settings=chosen)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--deploys", type=int, default=0)
    parser.add_argument("--deployers", type=int, default=64)
    given = parser.parse_args()
    began = time.monotonic()
    if given.steps:
        take_steps(given.steps)
        print(f"about {given.steps:,} steps without divergence, {time.monotonic() - began:.0f} s")
    if given.deploys:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            told = deploy_at_once(Path(folder), given.deployers, given.deploys)
            require_linear(Path(folder), told)
        print(f"{len(told):,} deploys by {given.deployers} deployers are one line of history, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
