"""Blame and the log of a path on whole histories, beside a model that tags each line with the release that wrote it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lastgood
from lastgood.clock import FixedClock, parse_instant
from lastgood.registry.blame import Asked
from lastgood.registry.release_log import Only

WORKSPACE = '[components.%s]\nkind = "prompt"\npath = "prompts/"\n[components.sampling]\nkind = "config"\npath = "sampling.yaml"\n'


@dataclass
class Model:
    """One prompt on its way through releases, under whatever names."""

    root: Path
    chance: Random
    component: str = "prompts"
    path: str = "prompts/0.md"
    words: str = ""
    lines: list[tuple[str, int]] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)
    names: Iterator[int] = field(default_factory=lambda: count(1))

    def step(self, number: int) -> None:
        """Do what makes the next release, and remember it."""
        what = self.chance.choice(["edit", "edit", "edit", "rename", "rename and edit", "component", "config", "anew"])
        what = what if self.lines else "anew"
        if what == "component":
            self.component = f"prompts-{next(self.names)}"
        if what == "anew":
            # In words of its own, or it would be taken for the one that went.
            self.words = " ".join(f"word{next(self.names)}" for _ in range(8))
            self.lines, self.touched = [self._line(number) for _ in range(4)], []
        if what in {"rename", "rename and edit", "anew"}:
            (self.root / self.path).unlink(missing_ok=True)
            self.path = f"prompts/{next(self.names)}.md"
        if what in {"edit", "rename and edit"}:
            place = self.chance.randrange(len(self.lines) + 1)
            self.lines[place : place + self.chance.randint(0, 2)] = [self._line(number)]
        if what not in {"config", "component"}:
            self.touched.append(number)
        self._write(number)

    def _line(self, number: int) -> tuple[str, int]:
        return f"{self.words} {next(self.names)}", number

    def _write(self, number: int) -> None:
        (self.root / "lastgood.toml").write_text(f'pipeline = "bot"\n{WORKSPACE % self.component}')
        (self.root / "sampling.yaml").write_text(f"temperature: {number}\n")
        (self.root / self.path).parent.mkdir(exist_ok=True)
        (self.root / "prompts/other.md").write_text("Nothing of it is alike.\n")
        (self.root / self.path).write_text("".join(f"{line}\n" for line, _ in self.lines))


@given(chance=st.randoms(use_true_random=False), releases=st.integers(1, 9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whole_histories(chance: Random, releases: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model, clock = Model(Path(folder), chance), FixedClock(parse_instant("2026-10-01T09:00:00.000000Z"))
        seen: dict[int, tuple[str, str, list[tuple[str, int]]]] = {}
        for number in range(1, releases + 1):
            model.step(number)
            if number == 1:
                lastgood.init(folder, actor="anna", clock=clock).close()
            with lastgood.open(folder, actor="anna", clock=clock) as registry:
                assert registry.commit(folder, message=f"{number}").release.number == number
            seen[number] = model.component, model.path, list(model.lines)
        with lastgood.open(folder, clock=clock) as registry:
            for number, (component, path, lines) in seen.items():
                blame = registry.blame(f"{component}/{path}", Asked(revision=f"r{number}"))
                assert said(blame) == lines, number
            logged = registry.releases.log(only=Only(path=model.path))
            assert [one.release.number for one in logged] == model.touched[::-1]


def said(blame: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - a blame of lines
    (file,) = blame.files
    return [(one.part.text, one.origin.release.number) for one in file.parts]
