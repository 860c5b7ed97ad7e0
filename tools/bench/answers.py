"""How long an answer takes: what changed in three weeks, what differs between two listings of a million files, whose line it is.

Everything is a whole process, as an on-call engineer types it. The million files are listings only: no such number of
files is written to the disk, and none of them is read by a comparison that goes by their digests.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lastgood
from lastgood.clock import FixedClock, SystemClock
from lastgood.ids import ComponentName, FileDigest, PipelineName
from lastgood.model.component import FilesContent, Kind, Provenance, make_component
from lastgood.model.listing import FileEntry, Mode, write_listing
from lastgood.registry.publish import Draft
from tools.bench.clock import Step, timed_alone
from tools.bench.data.three_weeks import START, play
from tools.bench.peers.ours import PROGRAM
from tools.bench.results import Figure
from tools.bench.setup import ROOT

FILES = 1_000_000
DIFFERENCES = 100
_EDITS = 30
_RELEASES = 500


def measure(folder: Path, model: Path) -> Iterator[Figure]:
    """Measure all of them."""
    yield from _million_files(folder / "million")
    yield from _three_weeks(folder / "weeks", model)
    yield from _many_releases(folder / "releases")


def _three_weeks(folder: Path, model: Path) -> Iterator[Figure]:
    folder.mkdir(parents=True)
    play(folder, model, FixedClock(START)).close()
    told = [_ask(folder, "diff", "r1", "r12") for _ in range(5)]
    yield Figure("diff of three weeks, all six kinds of change", statistics.median(one.seconds for one in told), budget=3)
    page = [_ask(folder, "diff", "r1", "r12", "--html", "page.html") for _ in range(3)]
    yield Figure("the same, as a page", statistics.median(one.seconds for one in page), budget=3)


def _many_releases(folder: Path) -> Iterator[Figure]:
    """Ask whose lines a prompt has that 30 of 500 releases edited; the others changed something else."""
    prompt, other = folder / "prompts" / "system.md", folder / "config" / "sampling.yaml"
    for path in (prompt, other):
        path.parent.mkdir(parents=True)
    lines = [f"Rule {number}: answer as rule {number} says.\n" for number in range(60)]
    (folder / "lastgood.toml").write_text(
        'pipeline = "bench"\n[components.prompts]\nkind = "prompt"\npath = "prompts/"\n'
        '[components.settings]\nkind = "config"\npath = "config/"\n'
    )
    with lastgood.init(folder, actor="bench@example.org", clock=SystemClock()) as registry:
        for number in range(_RELEASES):
            if number % (_RELEASES // _EDITS + 1) == 0:
                lines[number * 7 % len(lines)] = f"Rule {number}: written in release {number + 1}.\n"
            prompt.write_text("".join(lines))
            other.write_text(f"temperature: {number}\n")
            registry.commit(folder, message=f"release {number + 1}")
        registry.environments.deploy("prod")
    told = [_ask(folder, "blame", "prompts/system.md") for _ in range(5)]
    yield Figure(f"blame of a prompt, {_EDITS} edits in {_RELEASES} releases", statistics.median(one.seconds for one in told), budget=2)
    listed = [_ask(folder, "log") for _ in range(5)]
    yield Figure(f"log of {_RELEASES} releases", statistics.median(one.seconds for one in listed), budget=0.5)


def _million_files(folder: Path) -> Iterator[Figure]:
    """Compare two listings of a million files of which a hundred differ."""
    folder.mkdir(parents=True)
    # In a process of its own: Linux counts the memory of whoever starts a process as that process's.
    subprocess.run([sys.executable, "-m", "tools.bench.answers", folder], check=True, cwd=ROOT)
    told = [_ask(folder, "diff", "r1", "r2") for _ in range(3)]
    yield Figure(f"diff of {FILES:,} files, {DIFFERENCES} of them different", statistics.median(one.seconds for one in told), budget=3)
    yield Figure("its peak memory", max(one.peak_bytes for one in told) / 1e6, unit="MB", budget=500)


def publish_million(folder: Path) -> None:
    """Publish two releases whose listings name a million files."""
    (folder / "lastgood.toml").write_text('pipeline = "bench"\n')
    with lastgood.init(folder, actor="bench@example.org", clock=SystemClock()) as registry:
        for version in (1, 2):
            listing = write_listing(_entries(version))
            with registry.files.intake() as intake:
                kept = intake.receive_bytes(listing, "listing").digest
                workspace = intake.receive_bytes(b"", "lastgood.toml").digest
                staged = intake.finish()
            content = FilesContent(Kind.CODE, kept)
            component = make_component(ComponentName.parse("files"), content, Provenance())
            draft = Draft(PipelineName.parse("bench"), (component,), workspace)
            registry.releases.publish(draft, staged, announce=lambda _: None)


def _entries(version: int) -> Iterator[FileEntry]:
    every = FILES // DIFFERENCES
    for number in range(FILES):
        text = f"{number}" if number % every else f"{number} in version {version}"
        yield FileEntry(f"data/{number // 1000:04}/{number:07}.json", Mode.FILE, FileDigest.of(text.encode()), 100 + number % 900)


def _ask(folder: Path, *words: str) -> Step:
    return timed_alone([PROGRAM, *words], cwd=folder)


if __name__ == "__main__":
    publish_million(Path(sys.argv[1]))
