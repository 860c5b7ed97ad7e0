"""Live folders with real processes around them: one that reads, several that deploy, and one that is killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import PROMPT, leftovers, live, names, publish, say

ROOT = Path(__file__).parents[2]
GOOD, BAD = "Cite the policy.\n" * 2_000, "Be quick about it!\n" * 3_000
KILLS = 25
MOVES = ("r1", "r2", "r3", "back", "back")


@contextmanager
def process(module: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start a module of these tests, and wait until it is at work."""
    command = [sys.executable, "-m", f"tests.live.{module}", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == "ready\n"
            yield started
        finally:
            started.kill()


def test_a_reading_service_always_sees_one_of_two_whole_texts(registry: EmbeddedRegistry, run: Path) -> None:
    say(registry, GOOD)
    say(registry, BAD)
    environments = live(registry, run)
    environments.deploy("prod", "r1")

    with process("reader", run / "current" / PROMPT) as reader:
        for _ in range(25):
            environments.deploy("prod", "r2")
            assert (run / "current" / PROMPT).read_text() == BAD
            environments.rollback("prod")
            assert (run / "current" / PROMPT).read_text() == GOOD
        printed, _ = reader.communicate()

    seen = json.loads(printed)
    assert seen.keys() == {GOOD, BAD}
    assert sum(seen.values()) > 100


def test_a_service_keeps_the_folder_it_resolved_until_the_second_move(registry: EmbeddedRegistry, run: Path) -> None:
    for words in ("one", "two", "three"):
        say(registry, words)
    environments = live(registry, run)
    environments.deploy("prod", "r1")
    environments.deploy("prod", "r2")
    resolved = (run / "current").resolve()

    environments.rollback("prod")
    assert (resolved / PROMPT).read_text() == "two"
    environments.deploy("prod", "r3")
    assert not resolved.exists()


def test_deployers_on_one_host_leave_the_folder_on_the_last_move(registry: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
    for words in ("one", "two", "three"):
        say(registry, words)
    live(registry, run).deploy("prod", "r1")

    moves, others = (chance.choices(MOVES, k=25) for chance in (random.Random(1), random.Random(2)))
    with process("deployer", tmp_path, run, *moves) as one, process("deployer", tmp_path, run, *others) as other:
        won = sum(deployer.communicate()[0].count("moved") for deployer in (one, other))
        assert (one.returncode, other.returncode) == (0, 0)

    details = registry.environments.get("prod")
    assert (run / "current" / PROMPT).read_text() == {1: "one", 2: "two", 3: "three"}[details.release.number]
    assert 1 < details.revision <= 1 + won


def test_two_processes_may_prepare_the_same_release_at_once(registry: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
    files = {PROMPT: b"one", **{f"prompts/{number}.md": b"%d" % number for number in range(200)}}
    publish(registry, files)

    with process("deployer", tmp_path, run, "r1") as one, process("deployer", tmp_path, run, "r1") as other:
        for deployer in (one, other):
            deployer.communicate()
            assert deployer.returncode == 0

    assert registry.environments.get("prod").revision == 1
    assert {path: (run / "current" / path).read_bytes() for path in files} == files


def test_a_deployer_killed_at_any_moment_leaves_a_whole_folder(registry: EmbeddedRegistry, run: Path, tmp_path: Path) -> None:
    chance = random.Random(time.time_ns())
    texts = {}
    for words in ("one", "two", "three"):
        files = {PROMPT: words.encode(), **{f"prompts/{part}.md": f"{words} {part}".encode() for part in range(20)}}
        texts[publish(registry, files).release] = files
    live(registry, run).deploy("prod", "r1")

    for _ in range(KILLS):
        with process("deployer", tmp_path, run, *chance.choices(MOVES, k=1_000)) as deployer:
            time.sleep(chance.uniform(0, 0.06))
            deployer.kill()
        # Wholly on one release or the other, before anybody settles anything.
        linked = (run / "current").resolve().name
        assert linked in {str(release) for release in texts}
        for release, files in texts.items():
            there = run / "releases" / str(release)
            if there.exists():
                assert {path: (there / path).read_bytes() for path in files} == files
        environments = live(registry, run)
        environments.settle("prod")
        top = environments.get("prod").release
        assert (run / "current").resolve().name == str(top.release)
        assert names(run) == {"current", "releases", ".lastgood-live"}

    say(registry, "four")
    live(registry, run).deploy("prod")
    assert not leftovers(run)
    assert names(run / ".lastgood-live") == {"follows.json", "incoming", "lock", "seals"}
