"""Purging: the bytes are nowhere any more, whatever stood on them stands on its own, and nothing calls it damage."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import lastgood
from lastgood.errors import Gone, PurgedFile
from lastgood.ids import FileDigest
from lastgood.registry import purge as purging
from lastgood.registry.purge_plan import plan_purge
from lastgood.registry.verify import verify
from lastgood.store.backend.local import LocalBackend
from lastgood.store.index import scan_packs
from lastgood.store.reader import ObjectReader
from lastgood.store.repacking import Repacker
from lastgood.testing.index import MemoryIndex
from tests.cli.commands import Desk
from tests.collect.desk import Releases
from tests.collect.series import noise, text

MARKER = b"jane.doe@example.org lives at 7 Elm Street"
TOML = """\
pipeline = "bot"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.router]
kind = "artifact"
path = "models/"
made_by = { run = "python train.py", inputs = ["train"] }

[components.train]
kind = "dataset"
path = "data/"
key = "id"
"""


def rows(numbers: range, marked: int | None = None) -> str:
    """Return rows of a dataset, one of which may hold the marker."""
    said = {number: f"{noise(number, 60).hex()}" for number in numbers}
    if marked is not None:
        said[marked] = MARKER.decode()
    return "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in said.items())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Four releases: two hold the row 17 in their data, and weights that are nearly the same lie beside."""
    desk = Desk(tmp_path / "bot")
    desk.write("lastgood.toml", TOML)
    desk.write("prompts/system.md", "be kind\n")
    desk.tell("init")
    for number, (count, marked) in enumerate([(900, None), (1000, 17), (1100, 17), (1100, None)], 1):
        desk.write("data/train.jsonl", rows(range(count), marked))
        desk.write("models/model.bin", noise(3, 2_000_000) + bytes([number]))
        desk.tell("commit", "-m", f"version {number}")
    return desk


def decoded(desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Yield every chunk that any pack on disk holds, decoded, by the packs alone, and every other file as it is."""
    backend = LocalBackend(desk.registry / "store")
    packs = [pack for pack in scan_packs(backend) if not isinstance(pack, Exception)]
    for pack in packs:
        index = MemoryIndex()
        index.absorb_packs([*packs, pack])
        for frame_number in range(len(pack.frames)):
            for one in pack.chunks:
                if one.frame == frame_number:
                    yield f"a chunk of pack {pack.pack.short}", b"".join(ObjectReader(backend, index).read_chunks([one.chunk]))
    for path in desk.registry.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()


def holding(desk: Desk, marker: bytes = MARKER) -> list[str]:
    return [where for where, data in decoded(desk) if marker in data]


def test_the_marker_is_there_before(desk: Desk) -> None:
    assert holding(desk)


def test_without_apply_it_only_tells(desk: Desk) -> None:
    desk.tell("deploy", "prod", "r3")
    before = holding(desk)
    told = desk.ask("purge", "--row", "train:17")
    assert {(one["label"], one["path"]) for one in told["holders"]} == {(f"r{number}", "data/train.jsonl") for number in (1, 2, 3, 4)}
    assert told["live"] == ["r3"]
    assert told["applied"] is False
    assert any("router of r2 was made from this train" in one for one in told["made"])
    assert holding(desk) == before
    assert desk.ask("purge", "--apply")["files"] == []


def by_marker(desk: Desk) -> list[str]:
    """Purge the two versions of the file that hold the marker, by their digests."""
    digests = []
    for release in ("r2", "r3"):
        data = rows(range(1000 if release == "r2" else 1100), 17).encode()
        digests.append(str(FileDigest.of(data)))
    return digests


def purge_marked(desk: Desk, *options: str) -> None:
    for digest in by_marker(desk):
        desk.tell("purge", digest, "--apply", "--reason", "article 17", *options)


def test_the_bytes_are_nowhere_any_more(desk: Desk) -> None:
    desk.tell("checkout", "r2", "out2")
    purge_marked(desk)
    assert holding(desk) == []
    assert desk.ask("verify", "--full", "--replay")["ok"]
    for release in ("r1", "r4"):
        desk.tell("checkout", release, f"out-{release}")
    assert (desk.root / "out-r4/data/train.jsonl").read_text() == rows(range(1100))
    assert (desk.root / "out-r1/models/model.bin").read_bytes() == noise(3, 2_000_000) + b"\1"


def test_who_asks_for_it_is_told_when_and_by_whom(desk: Desk) -> None:
    purge_marked(desk)
    for line in (["checkout", "r2", "out"], ["export", "r2", "r2.tar"], ["checkout", "r3", "out3", "--component", "train"]):
        error = desk.fails(*line)
        assert error["kind"] == "gone", error
        assert "purged on 20" in error["message"]
        assert "article 17" in error["message"]
    desk.tell("checkout", "r2", "weights", "--component", "router")
    assert {one["name"]: one["change"] for one in desk.ask("diff", "r1", "r4")["components"]}["train"] == "changed"
    assert {one["name"]: one["change"] for one in desk.ask("diff", "r2", "r4")["components"]}["train"] == "changed"
    assert desk.ask("verify", "r2")["ok"]


def test_data_that_is_gone_stops_no_deploy_and_no_rollback(desk: Desk) -> None:
    desk.tell("deploy", "prod", "r2")
    desk.tell("deploy", "prod", "r4")
    purge_marked(desk)
    desk.tell("rollback", "prod", "--to", "r2")
    assert desk.number_in("prod") == 2


def test_what_acts_and_is_gone_stops_them(desk: Desk) -> None:
    desk.tell("deploy", "prod", "r3")
    desk.tell("deploy", "prod", "r4")
    desk.tell("purge", "models/model.bin", "--release", "r3", "--apply")
    for line in (["deploy", "prod", "r3"], ["rollback", "prod", "--to", "r3"], ["deploy", "prod", "r3", "--dry-run"]):
        error = desk.fails(*line)
        assert (error["kind"], "purged on" in error["message"]) == ("gone", True)
    assert desk.number_in("prod") == 4


def test_what_is_live_is_purged_only_if_that_was_said(desk: Desk) -> None:
    desk.tell("deploy", "prod", "r2")
    digest = by_marker(desk)[0]
    error = desk.fails("purge", digest, "--apply")
    assert (error["kind"], "prod runs" in error["message"]) == ("refused", True)
    assert holding(desk)
    desk.tell("purge", digest, "--apply", "--even-live")
    assert desk.ask("verify")["ok"]


def test_it_is_not_kept_again_before_that_is_lifted(desk: Desk) -> None:
    purge_marked(desk)
    desk.write("data/train.jsonl", rows(range(1000), 17))
    error = desk.fails("commit", "-m", "again")
    assert error["kind"] == "purged-file"
    assert "article 17" in error["message"]
    assert "data/train.jsonl" in error["message"]
    assert holding(desk) == []
    desk.tell("purge", "--lift", by_marker(desk)[0], "--reason", "it was the wrong one")
    desk.tell("commit", "-m", "again")
    desk.tell("checkout", "r2", "out")
    assert desk.ask("verify", "--full", "--replay")["ok"]


def test_after_a_purge_of_what_is_latest_work_goes_on(desk: Desk) -> None:
    desk.tell("purge", "data/train.jsonl", "--release", "r4", "--apply")
    desk.write("prompts/system.md", "be short\n")
    assert desk.fails("commit", "-m", "with what was purged")["kind"] == "purged-file"
    desk.write("data/train.jsonl", rows(range(1090)))
    desk.tell("commit", "-m", "without")
    desk.tell("checkout", "r5", "out")
    assert desk.ask("verify", "--full", "--replay")["ok"]


def test_a_bundle_does_not_bring_it_back(desk: Desk) -> None:
    desk.tell("export", "r2", "../r2.bundle")
    purge_marked(desk)
    assert desk.fails("import", "bundle", "../r2.bundle")["kind"] == "purged-file"
    assert holding(desk) == []


def test_structure_cannot_be_purged_and_what_nobody_has_is_not_found(desk: Desk) -> None:
    toml = str(FileDigest.of((desk.root / "lastgood.toml").read_bytes()))
    assert desk.fails("purge", toml, "--apply")["kind"] == "refused"
    assert desk.fails("purge", "0" * 64)["kind"] == "not-found"
    assert desk.fails("purge", "data/train.jsonl")["kind"] == "invalid"
    assert desk.fails("purge", "data/none.jsonl", "--release", "r1")["kind"] == "not-found"
    assert desk.fails("purge", "--row", "train:99999")["kind"] == "not-found"
    assert desk.fails("purge", "--row", "train")["kind"] == "invalid"
    assert desk.fails("purge")["kind"] == "not-found"
    assert desk.fails("purge", "--lift", "0" * 64)["kind"] == "not-found"


def test_bytes_that_other_files_have_stay_there_and_are_named(desk: Desk) -> None:
    told = desk.ask("purge", "models/model.bin", "--release", "r1", "--apply")
    shared = {one["path"]: one["bytes"] for one in told["sharing"]}
    assert any(path.startswith("models/model.bin") and size > 1_000_000 for path, size in shared.items())
    desk.tell("checkout", "r4", "out")
    assert desk.fails("checkout", "r1", "out1")["kind"] == "gone"


def test_what_was_let_go_and_collected_before_is_purged_as_well(desk: Desk) -> None:
    """A base that only deltas need is left of a file which the index does not know any more."""
    desk.write("lastgood.toml", TOML + "\n[retention]\nkeep_last = 1\nrollbacks = 1\n")
    desk.tell("commit", "-m", "a policy")
    desk.tell("policy", "apply")
    desk.tell("retention", "apply", desk.ask("retention", "plan")["plan"])
    desk.tell("gc", "--apply", "--grace", "0s")
    purge_marked(desk)
    assert holding(desk) == []
    assert desk.ask("verify", "--full", "--replay")["ok"]
    desk.tell("checkout", "latest", "out")


def test_repair_optimize_backup_and_the_collector_go_on(desk: Desk, tmp_path: Path) -> None:
    purge_marked(desk)
    desk.tell("optimize")
    desk.tell("gc", "--apply", "--grace", "0s")
    assert desk.ask("repair")["hurt"] == []
    desk.tell("backup", "../later.tar")
    with tarfile.open(tmp_path / "later.tar") as archive:
        assert all(MARKER not in (archive.extractfile(one) or io.BytesIO()).read() for one in archive if one.isfile())
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere")
    other.tell("import", "backup", "../later.tar")
    assert other.ask("verify", "--full", "--replay")["ok"]
    assert desk.ask("verify", "--full", "--replay")["ok"]
    assert holding(desk) == []


@pytest.mark.parametrize("step", ["rewrite", "act", "list", "quarantine", "cache"])
def test_a_purge_that_was_cut_short_is_ended_by_the_next(desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, tuple[object, str]] = {
        "rewrite": (Repacker, "finish"),
        "act": (purging, "move_chunks"),
        "list": (purging, "list_packs"),
        "quarantine": (purging, "_clear_quarantine"),
        "cache": (purging, "_clear_cache"),
    }
    owner, name = names[step]

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    digests = by_marker(desk)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        for digest in digests:
            assert desk.run("purge", digest, "--apply").code != 0
    verified = desk.ask("verify", "--replay")
    assert verified["ok"]
    assert any("cut short" in note for note in verified["notes"])
    assert desk.fails("checkout", "r2", "out")["kind"] == "gone"
    desk.tell("purge", "--apply")
    assert holding(desk) == []
    verified = desk.ask("verify", "--full", "--replay")
    assert (verified["ok"], [note for note in verified["notes"] if "cut short" in note]) == (True, [])
    desk.tell("checkout", "r4", "out4")


def test_a_purge_that_is_killed_leaves_it_purged_or_not_at_all(desk: Desk) -> None:
    """Killed at some moment, in a process of its own; what is left over goes with the next."""
    digest = FileDigest.parse(by_marker(desk)[1])
    chance = random.Random(5)  # moments, not secrets
    for turn in range(8):
        child = os.fork()
        if child == 0:
            with suppress(BaseException), lastgood.open(desk.root, actor="battery") as registry:
                registry.purges.apply(registry.purges.plan([digest]), "killed")
            os._exit(0)
        time.sleep(chance.uniform(0, 0.25) if turn else 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with lastgood.open(desk.root, actor="battery") as registry:
            purged = digest in {one.file for one in registry.purges.list()}
            assert registry.verify().ok
            if purged:
                with pytest.raises(Gone):
                    registry.files.read_file(digest)
            else:
                assert MARKER in registry.files.read_file(digest)
    with lastgood.open(desk.root, actor="battery") as registry:
        for one in by_marker(desk):
            registry.purges.apply(registry.purges.plan([FileDigest.parse(one)]))
    assert holding(desk) == []
    assert desk.ask("verify", "--full", "--replay")["ok"]


def test_a_commit_beside_a_purge_keeps_what_it_brings(tmp_path: Path) -> None:
    """A commit whose packs are durable, and that counts on a file which is purged meanwhile, is whole or refused."""
    desk = Releases(tmp_path / "registry")
    doomed, other = text(1, 1), text(1, 2)
    desk.commit({"long.txt": doomed})
    desk.commit({"long.txt": text(1, 3)})
    counting = desk.begin({"long.txt": doomed}, recalled=frozenset({"long.txt"}))
    writing = desk.begin({"long.txt": other})
    digest = FileDigest.of(doomed)
    purging.purge(desk.context, plan_purge(desk.context, [digest]), even_live=False)
    with pytest.raises(PurgedFile):
        desk.publish(counting)
    release = desk.publish(writing)
    reader = ObjectReader(desk.backend, desk.context.index)
    assert reader.read_file(FileDigest.of(other)) == other
    assert [one.what for one in verify(desk.context).problems] == []
    assert desk.latest() == desk.manifest(release)
    desk.close()
