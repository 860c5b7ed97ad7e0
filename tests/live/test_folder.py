"""A live folder by itself: releases side by side, whole and untouched, and a link to one of them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.errors import AlreadyExists, Integrity, NotFound
from lastgood.ids import ReleaseId
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import PROMPT, damage_pack, folder_at, leftovers, names, prepare, publish, say

FILES = {PROMPT: b"Cite the policy.\n", "prompts/deep/er/tone.md": b"warm", "prompts/run.sh": b"#!/bin/sh\n", "prompts/empty": b""}


def assert_as_committed(folder: Path) -> None:
    for path, data in FILES.items():
        assert (folder / path).read_bytes() == data
        assert stat.S_ISREG((folder / path).lstat().st_mode)
        assert bool((folder / path).stat().st_mode & stat.S_IXUSR) == path.endswith(".sh")


class TestPrepareAndSwitch:
    def test_a_release_is_there_bit_for_bit(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = publish(registry, FILES)
        folder = folder_at(run)

        there = prepare(folder, registry, record)

        assert_as_committed(there)
        assert (there / "lastgood.toml").is_file()
        assert not leftovers(run)
        assert folder.current() is None

    def test_current_is_a_relative_link_so_the_folder_can_be_moved(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = publish(registry, FILES)
        folder = folder_at(run)
        prepare(folder, registry, record)

        folder.switch(record.release)
        moved = run.rename(run.with_name("elsewhere"))

        assert (moved / "current").readlink() == Path("releases") / str(record.release)
        assert_as_committed(moved / "current")
        assert folder_at(moved).current() == record.release

    def test_switching_leaves_nothing_behind(self, registry: EmbeddedRegistry, run: Path) -> None:
        first, second = say(registry, "one"), say(registry, "two")
        folder = folder_at(run)
        with folder.locked():
            for record in (first, second, first):
                prepare(folder, registry, record)
                folder.switch(record.release)
            prepare(folder, registry, second)

        assert folder.current() == first.release
        assert not leftovers(run)
        assert names(run) == {"current", "releases", ".lastgood-live"}

    def test_what_is_not_prepared_is_not_switched_to(self, registry: EmbeddedRegistry, run: Path) -> None:
        first = say(registry, "one")
        folder = folder_at(run)
        prepare(folder, registry, first)
        folder.switch(first.release)

        with pytest.raises(NotFound):
            folder.switch(ReleaseId.of(b"another"))

        assert folder.current() == first.release

    def test_a_link_to_a_release_that_was_taken_away_is_no_current_one(self, registry: EmbeddedRegistry, run: Path) -> None:
        first = say(registry, "one")
        folder = folder_at(run)
        there = prepare(folder, registry, first)
        folder.switch(first.release)

        shutil.rmtree(there)

        assert folder.current() is None

    def test_a_release_whose_bytes_are_damaged_is_refused_and_leaves_nothing(
        self, registry: EmbeddedRegistry, run: Path, tmp_path: Path
    ) -> None:
        record = say(registry, "one " * 500)
        damage_pack(tmp_path, 1)
        folder = folder_at(run)

        with pytest.raises(Integrity):
            prepare(folder, registry, record)

        assert not names(run / "releases")
        assert not leftovers(run)

    def test_a_killed_checkout_is_cleaned_up(self, registry: EmbeddedRegistry, run: Path) -> None:
        folder = folder_at(run)
        first = prepare(folder, registry, say(registry, "one"))
        incoming = run / ".lastgood-live" / "incoming"
        shutil.copytree(first, incoming / ".x.lastgood-1" / "prompts")
        (incoming / "current.1").symlink_to("releases/x")
        (incoming / "seal.1").write_bytes(b"")

        second = prepare(folder, registry, say(registry, "two"))

        assert not leftovers(run)
        assert names(run / "releases") == {first.name, second.name}


def edit(there: Path) -> None:
    (there / PROMPT).write_bytes(b"Cite no policy!\n\n"[: len(FILES[PROMPT])])


def append(there: Path) -> None:
    with (there / PROMPT).open("ab") as file:
        file.write(b"Be quick.\n")


def replace_by_link(there: Path) -> None:
    (there / PROMPT).unlink()
    (there / "another").write_bytes(FILES[PROMPT])
    (there / PROMPT).symlink_to("../another")


def edit_and_set_the_times_back(there: Path) -> None:
    before = (there / PROMPT).stat()
    edit(there)
    os.utime(there / PROMPT, ns=(before.st_atime_ns, before.st_mtime_ns))


TOUCHES: list[Callable[[Path], None]] = [
    edit,
    append,
    replace_by_link,
    edit_and_set_the_times_back,
    lambda there: (there / PROMPT).unlink(),
    lambda there: (there / "prompts/run.sh").chmod(0o644),
    lambda there: (there / PROMPT).chmod(0o755),
    lambda there: shutil.rmtree(there / "prompts/deep"),
    lambda there: os.utime(there / PROMPT),
]
SEALS: list[Callable[[Path], object]] = [
    lambda seal: seal.unlink(),
    lambda seal: seal.write_bytes(b"\xff{"),
    lambda seal: seal.write_bytes(b'{"schema": "lastgood.seal/1", "files": []}'),
]


class TestTouched:
    @pytest.mark.parametrize("touch", TOUCHES)
    def test_what_somebody_changed_is_put_back(self, registry: EmbeddedRegistry, run: Path, touch: Callable[[Path], None]) -> None:
        record = publish(registry, FILES)
        folder = folder_at(run)
        there = prepare(folder, registry, record)
        folder.switch(record.release)

        touch(there)
        prepare(folder, registry, record)

        assert_as_committed(run / "current")
        assert not leftovers(run)

    @pytest.mark.parametrize("break_seal", SEALS)
    def test_without_a_seal_every_file_is_read(self, registry: EmbeddedRegistry, run: Path, break_seal: Callable[[Path], object]) -> None:
        record = publish(registry, FILES)
        there = prepare(folder_at(run), registry, record)

        edit(there)
        break_seal(run / ".lastgood-live" / "seals" / there.name)
        prepare(folder_at(run), registry, record)

        assert_as_committed(there)

    def test_what_is_as_it_was_is_not_written_again(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = publish(registry, FILES)
        there = prepare(folder_at(run), registry, record)
        before = {path: (there / path).stat().st_ino for path in FILES}

        os.utime(there / PROMPT)
        prepare(folder_at(run), registry, record)

        assert {path: (there / path).stat().st_ino for path in FILES} == before

    def test_what_a_service_adds_is_left_alone(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = publish(registry, FILES)
        there = prepare(folder_at(run), registry, record)

        (there / "prompts" / "cache.bin").write_bytes(b"warm")
        edit(there)
        prepare(folder_at(run), registry, record)

        assert_as_committed(there)
        assert (there / "prompts" / "cache.bin").read_bytes() == b"warm"

    @pytest.mark.parametrize(("path", "expected"), [(PROMPT, "file"), ("prompts/deep", "folder")])
    def test_what_cannot_be_put_back_is_named(self, registry: EmbeddedRegistry, run: Path, path: str, expected: str) -> None:
        record = publish(registry, FILES)
        there = prepare(folder_at(run), registry, record)
        target = there / path
        if target.is_dir():
            shutil.copytree(target, there / "aside")
            shutil.rmtree(target)
            target.symlink_to("../aside")
        else:
            target.unlink()
            target.mkdir()

        with pytest.raises(AlreadyExists, match=f"{path} .*not the {expected}") as refused:
            prepare(folder_at(run), registry, record)

        assert refused.value.details == {"path": path}


class TestPrune:
    def test_only_releases_that_are_not_kept_go(self, registry: EmbeddedRegistry, run: Path) -> None:
        records = [say(registry, text) for text in ("one", "two", "three", "four")]
        folder = folder_at(run)
        for record in records:
            prepare(folder, registry, record)
        folder.switch(records[3].release)
        others = run / "releases"
        (others / "notes.txt").write_text("mine")
        (others / ("A" * 64)).mkdir()
        (others / ("a" * 63)).mkdir()
        (others / ("b" * 64)).write_text("a file of that name")
        (others / ("c" * 64)).symlink_to("notes.txt")
        (run / "README").write_text("mine as well")
        foreign = {"notes.txt", "A" * 64, "a" * 63, "b" * 64, "c" * 64}

        folder.prune({records[1].release})

        assert names(others) == {str(records[1].release), str(records[3].release)} | foreign
        assert names(run / ".lastgood-live" / "seals") == {str(records[1].release), str(records[3].release)}
        assert (run / "README").read_text() == "mine as well"
        assert not leftovers(run)

    def test_nobody_waits_for_files_to_be_removed(self, registry: EmbeddedRegistry, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = say(registry, "one"), say(registry, "two")
        folder = folder_at(run)
        for record in (first, second):
            prepare(folder, registry, record)
        folder.switch(second.release)
        remove, seen = shutil.rmtree, []

        def remove_while_another_goes_back(path: Path, *, ignore_errors: bool) -> None:
            with folder_at(run, wait=0).locked():
                seen.append(names(run / "releases"))
            remove(path, ignore_errors=ignore_errors)

        monkeypatch.setattr(shutil, "rmtree", remove_while_another_goes_back)
        folder.prune(set())

        assert seen == [{str(second.release)}]
        assert not leftovers(run)

    def test_the_current_one_stays_even_if_nothing_is_kept(self, registry: EmbeddedRegistry, run: Path) -> None:
        first, second = say(registry, "one"), say(registry, "two")
        folder = folder_at(run)
        for record in (first, second):
            prepare(folder, registry, record)
        folder.switch(first.release)

        folder.prune(set())

        assert names(run / "releases") == {str(first.release)}
        assert (run / "current" / PROMPT).read_text() == "one"
