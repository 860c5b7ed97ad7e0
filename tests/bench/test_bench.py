"""The parts of `make bench` that decide what is printed: what is drawn, laid, added up, judged and written."""

from __future__ import annotations

import doctest
import hashlib
import json
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from tests.parts import peak_kilobytes
from tools.bench import memory, report, results, targets, tree
from tools.bench import race as race_module
from tools.bench.clock import run, timed
from tools.bench.data import rows, sources
from tools.bench.data.wordpiece import WordPiece
from tools.bench.peers.base import Series
from tools.bench.peers.by_python import Copy
from tools.bench.peers.ours import Ours
from tools.bench.results import Figure, Outcome, Results

SENTENCES = ["The order never came.", "Please send it again.", "Thank you for your help."]


def outcome(series: str, peer: str, stored: int, *, seconds: float = 1.0) -> Outcome:
    return Outcome(series, peer, 1000, stored, 4096, (seconds, seconds, seconds), seconds, seconds, seconds, 1_000_000, "2026-11-25")


def of(*outcomes: Outcome, figures: tuple[Figure, ...] = ()) -> Results:
    return Results({"cores": "2"}, {"restic": "restic 1"}, ("DVC",), outcomes, figures)


# -------------------------------------------------------------------------------------------------- what is measured


def test_rows_are_the_same_on_every_run() -> None:
    def written() -> str:
        writer = rows.Writer(SENTENCES)
        first = [writer.row() for _ in range(3_000)]
        return hashlib.sha256("".join(rows.lines_of(writer.edit(first))).encode()).hexdigest()

    assert written() == written()


def test_an_edit_changes_inserts_and_appends_as_many_rows_as_it_says() -> None:
    writer = rows.Writer(SENTENCES)
    first = [writer.row() for _ in range(3_000)]
    before = {row["id"]: row for row in first}

    second = writer.edit(first)

    new = [place for place, row in enumerate(second) if row["id"] not in before]
    assert len(new) == rows.INSERTED + rows.APPENDED
    assert new[-rows.APPENDED :] == list(range(len(second) - rows.APPENDED, len(second)))
    changed = [row for row in second if before.get(row["id"], row) != row]
    assert len(changed) == pytest.approx(30, abs=1)
    assert [row["id"] for row in second if row["id"] in before] == list(before)
    assert all(json.loads(line) for line in rows.lines_of(second))


def test_small_files_are_real_and_no_two_are_alike(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("".join(f"line {number} of some source\n" for number in range(1_000)))
    found = list(islice(sources.pieces([tmp_path / "a.py"]), 50))

    assert len(set(found)) == 50
    assert found[0].startswith("line 0 of some source\n")
    assert found == list(islice(sources.pieces([tmp_path / "a.py"]), 50))
    assert "# changed in version 2\n" in sources.edit(found[0], 2)


def test_words_are_split_into_the_longest_pieces_of_the_vocabulary() -> None:
    tokens = WordPiece({piece: number for number, piece in enumerate(["[UNK]", "[CLS]", "[SEP]", "cafe", "check", "##point", "##s", "."])})

    assert tokens.encode("Café checkpoints.", 64) == [1, 3, 4, 5, 6, 7, 2]
    assert tokens.encode("zebra", 64) == [1, 0, 2]
    assert tokens.encode("check " * 10, 4) == [1, 4, 4, 2]


def test_random_tensors_are_a_safetensors_file_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    memory.write_random(tmp_path / "random.safetensors", 40_000_000)

    body = (tmp_path / "random.safetensors").read_bytes()
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    assert max(one["data_offsets"][1] for one in header.values()) == len(body) - 8 - length
    assert len(body) == pytest.approx(40_000_000, rel=0.01)


# ---------------------------------------------------------------------------------------------------------- folders


def test_laying_a_version_touches_only_what_differs(tmp_path: Path) -> None:
    for name, text in (
        ("v1/a/same", "1"),
        ("v1/a/changed", "1"),
        ("v1/gone", "1"),
        ("v2/a/same", "1"),
        ("v2/a/changed", "2"),
        ("v2/new", "3"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    workspace = tmp_path / "workspace"
    tree.lay(tmp_path / "v1", workspace)
    before = (workspace / "a/same").stat()
    os.link(workspace / "a/changed", tmp_path / "held by a store")

    tree.lay(tmp_path / "v2", workspace)

    tree.check_alike(tmp_path / "v2", workspace, "lay")
    after = (workspace / "a/same").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (tmp_path / "held by a store").read_text() == "1"


@pytest.mark.parametrize("found", [{"file": "wrong"}, {}, {"file": "right", "more": ""}])
def test_a_restore_that_is_not_alike_is_an_error(tmp_path: Path, found: dict[str, str]) -> None:
    for folder, files in (("wanted", {"file": "right"}), ("found", found)):
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text)

    with pytest.raises(RuntimeError, match="borg"):
        tree.check_alike(tmp_path / "wanted", tmp_path / "found", "borg")


def test_bytes_of_a_folder_leave_out_a_cache_and_count_a_file_once(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/whole").write_bytes(b"x" * 1_000)
    (tmp_path / "pack").write_bytes(b"x" * 10)
    os.link(tmp_path / "pack", tmp_path / "again")

    assert tree.bytes_of(tmp_path, leave_out={"cache"}).length == 10


# ------------------------------------------------------------------------------------------------------------ clock


def test_a_program_that_fails_says_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such repository"):
        timed([["sh", "-c", "echo no such repository >&2; exit 3"]], cwd=tmp_path)


def test_peak_memory_is_that_of_the_program(tmp_path: Path) -> None:
    peak = run(["python3", "-c", "b'x' * 400_000_000"], cwd=tmp_path)

    # The system hands the peak of whoever started a program on to it, and this process may have had more.
    assert 400_000_000 < peak < max(450_000_000, peak_kilobytes() * 1_100)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------------- race


def test_a_race_measures_every_peer_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SETTLE_SECONDS", "UNCHANGED_COMMITS", "RESTORES"):
        monkeypatch.setattr(race_module, name, int(name != "SETTLE_SECONDS"))
    for version in (1, 2):
        (tmp_path / f"data/v{version}").mkdir(parents=True)
        (tmp_path / f"data/v{version}/rows.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(1_000 * version)))
    series = Series("rows", tuple(sorted((tmp_path / "data").iterdir())), table=True)
    said: list[str] = []

    ours, copied = race_module.race(series, [Ours(), Copy()], tmp_path / "scratch", said.append)

    assert (ours.peer, copied.peer) == ("lastgood", "cp")
    assert ours.logical == copied.logical == copied.stored == sum(path.stat().st_size for path in tmp_path.glob("data/*/*"))
    assert len(ours.commits) == 2
    assert len(said) == 3
    assert min(ours.unchanged or 0, ours.restore or 0, ours.restore_again or 0, ours.stored) > 0
    assert not list((tmp_path / "scratch").iterdir())


@dataclass(frozen=True, slots=True)
class Broken(Copy):
    """A peer whose restores are empty files."""

    name: str = "broken"

    def restore(self, place: Path, number: int) -> list[list[str]]:
        return [["sh", "-c", "mkdir out && touch out/rows.jsonl"]]


def test_a_peer_that_fails_is_left_out_and_said_to_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race_module, "SETTLE_SECONDS", 0.0)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.jsonl").write_text("{}\n")
    said: list[str] = []

    found = list(race_module.race(Series("rows", (tmp_path / "data",)), [Broken(), Copy()], tmp_path / "scratch", said.append))

    assert [one.peer for one in found] == ["cp"]
    assert "rows: broken is left out: broken did not restore rows.jsonl byte for byte" in said


# ---------------------------------------------------------------------------------------------------------- results


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    found = of(outcome("fp32", "lastgood", 250), figures=(Figure("rollback", 0.3, budget=0.5),))
    results.write(tmp_path / "results.json", found)

    assert results.read(tmp_path / "results.json") == found


def test_what_is_measured_again_replaces_only_its_own_series(tmp_path: Path) -> None:
    results.write(tmp_path / "results.json", of(outcome("fp32", "lastgood", 1), outcome("bf16", "lastgood", 2)))

    found = results.begin(tmp_path / "results.json", of()).with_outcomes([outcome("fp32", "lastgood", 3)])

    assert {one.series: one.stored for one in found.outcomes} == {"fp32": 3, "bf16": 2}


def test_results_of_another_machine_are_not_gone_on_from(tmp_path: Path) -> None:
    results.write(tmp_path / "results.json", of(outcome("fp32", "lastgood", 1)))

    assert not results.begin(tmp_path / "results.json", Results({"cores": "64"}, {})).outcomes


def test_examples_hold() -> None:
    assert doctest.testmod(results).attempted
    assert not doctest.testmod(results).failed


# ---------------------------------------------------------------------------------------------------------- targets


def kept(found: Results) -> dict[str, bool]:
    return {one.what: one.is_kept for one in targets.verdicts(found)}


def test_size_is_judged_by_itself_and_by_the_smallest_peer() -> None:
    good = kept(of(outcome("fp32", "lastgood", 250), outcome("fp32", "restic", 700), outcome("fp32", "borg zstd", 600)))
    bad = kept(of(outcome("fp32", "lastgood", 280), outcome("fp32", "restic", 700), outcome("fp32", "borg zstd", 600)))

    size = [name for name in good if "stored" in name]
    assert size == ["fp32: stored / logical", "fp32: stored, of the smallest peer (borg zstd), 2.3 times smaller"]
    assert all(good[name] for name in size)
    assert not any(bad[name] for name in size)


def test_speed_is_judged_by_what_deduplicates_and_copies_have_to_be_beaten_twice() -> None:
    ours, copy = outcome("fp32", "lastgood", 250, seconds=2), outcome("fp32", "cp", 1000, seconds=0.1)
    found = of(ours, copy, outcome("fp32", "hf_xet", 700, seconds=3), outcome("fp32", "DVC", 1000, seconds=3.9))
    judged = kept(found)

    assert judged["fp32: seconds of all commits, of the fastest that deduplicates (hf_xet)"]
    assert not judged["fp32: seconds of all commits, of DVC, 2 times as fast"]
    assert not judged["fp32: seconds of a restore from the cache, of cp"]


def test_git_alone_may_be_faster_with_small_files() -> None:
    found = [outcome("sources", "lastgood", 10, seconds=0.3), outcome("sources", "git", 10, seconds=0.1), outcome("sources", "restic", 20)]

    assert all(kept(of(*found)).values())
    assert not all(kept(of(*found, outcome("sources", "borg lz4", 20, seconds=0.2))).values())


def test_what_has_no_peer_and_no_budget_has_no_verdict() -> None:
    assert kept(of(outcome("harsh", "lastgood", 999), figures=(Figure("deploy", 3.0),))) == {}
    assert kept(of(figures=(Figure("rollback", 0.6, budget=0.5),))) == {"rollback (s)": False}


# ----------------------------------------------------------------------------------------------------------- report


def test_the_page_has_a_row_a_peer_and_a_row_a_target() -> None:
    text = report.page(of(outcome("fp32", "restic", 700), outcome("fp32", "lastgood", 250), figures=(Figure("peak", 4.1e8, "B", 4e8),)))

    assert "| **lastgood** | **0.250** | 0.0 | 1.00 | 1.00 | 0 | 1.00 | 1.00 | 1.00 | 1 |\n| restic | 0.700 |" in text
    assert "| peak | 410.000 MB | 400 MB |" in text
    assert "| peak (B) | 410,000,000.000 | 400,000,000.000 | **OVER** |" in text
    assert "| absent, not measured | DVC |" in text


def test_a_quick_run_is_not_taken_for_a_full_one() -> None:
    assert "**This is the quick form" in report.page(Results({}, {}, form="quick"))
    assert "quick" not in report.page(of())
