"""A live folder by itself: releases side by side, whole and untouched, and a link to one of them."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.errors import AlreadyExists, Busy, Integrity, NotFound
from lastgood.ids import EnvironmentName, PipelineName, ReleaseId
from lastgood.live.folder import Followed, LiveFolder
from lastgood.model.history import ReleaseRecord
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import BOT, PROD, PROMPT, publish, say

FILES = {PROMPT: b"Cite the policy.\n", "prompts/deep/er/tone.md": b"warm", "prompts/run.sh": b"#!/bin/sh\n", "prompts/empty": b""}
FOLLOWED = Followed("a-registry", BOT, PROD)


def folder_at(root: Path, followed: Followed = FOLLOWED) -> LiveFolder:
    return LiveFolder(root, followed, os.urandom, wait=0.2)


def prepare(folder: LiveFolder, registry: EmbeddedRegistry, record: ReleaseRecord) -> Path:
    folder.prepare(registry.releases.manifest(record.release), registry.files)
    return folder.root / "releases" / str(record.release)


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def leftovers(folder: LiveFolder) -> set[str]:
    return names(folder.root / ".lastgood-live" / "incoming")


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
        assert not leftovers(folder)
        assert folder.current() is None

    def test_current_is_a_relative_link_so_the_folder_can_be_moved(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = publish(registry, FILES)
        folder = folder_at(run)
        prepare(folder, registry, record)

        folder.switch(record.release)
        moved = run.rename(run.with_name("elsewhere"))

        assert os.readlink(moved / "current") == f"releases/{record.release}"
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
        assert not leftovers(folder)
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
        pack = next((tmp_path / ".lastgood").rglob("*.pack"))
        pack.chmod(0o644)
        damaged = bytearray(pack.read_bytes())
        for at in range(8, len(damaged), 16):
            damaged[at] ^= 0xFF
        pack.write_bytes(damaged)
        folder = folder_at(run)

        with pytest.raises(Integrity):
            prepare(folder, registry, record)

        assert not names(run / "releases")
        assert not leftovers(folder)

    def test_a_killed_checkout_is_cleaned_up(self, registry: EmbeddedRegistry, run: Path) -> None:
        folder = folder_at(run)
        first = prepare(folder, registry, say(registry, "one"))
        incoming = run / ".lastgood-live" / "incoming"
        shutil.copytree(first, incoming / ".x.lastgood-1" / "prompts")
        (incoming / "current.1").symlink_to("releases/x")
        (incoming / "seal.1").write_bytes(b"")

        with folder.locked():
            pass

        assert not leftovers(folder)
        assert names(run / "releases") == {first.name}


def edit(there: Path) -> None:
    (there / PROMPT).write_bytes(b"Cite no policy!\n\n"[: len(FILES[PROMPT])])


def append(there: Path) -> None:
    with (there / PROMPT).open("ab") as file:
        file.write(b"Be quick.\n")


def replace_by_link(there: Path) -> None:
    (there / PROMPT).unlink()
    (there / PROMPT).symlink_to("/etc/hostname")


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
NO_SEAL: list[Callable[[Path], object]] = [
    lambda seal: None,
    lambda seal: seal.unlink(),
    lambda seal: seal.write_bytes(b"\xff{"),
    lambda seal: seal.write_bytes(b'{"schema": "lastgood.seal/1", "files": []}'),
]


class TestTouched:
    @pytest.mark.parametrize("break_seal", NO_SEAL)
    @pytest.mark.parametrize("touch", TOUCHES)
    def test_what_somebody_changed_is_put_back(
        self,
        registry: EmbeddedRegistry,
        run: Path,
        touch: Callable[[Path], None],
        break_seal: Callable[[Path], object],
    ) -> None:
        record = publish(registry, FILES)
        folder = folder_at(run)
        there = prepare(folder, registry, record)
        folder.switch(record.release)

        touch(there)
        break_seal(run / ".lastgood-live" / "seals" / there.name)
        prepare(folder, registry, record)

        assert_as_committed(run / "current")
        assert not leftovers(folder)

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
        assert not leftovers(folder)

    def test_the_current_one_stays_even_if_nothing_is_kept(self, registry: EmbeddedRegistry, run: Path) -> None:
        first, second = say(registry, "one"), say(registry, "two")
        folder = folder_at(run)
        for record in (first, second):
            prepare(folder, registry, record)
        folder.switch(first.release)

        folder.prune(set())

        assert names(run / "releases") == {str(first.release)}
        assert (run / "current" / PROMPT).read_text() == "one"


class TestRefused:
    """A folder that is not a live folder is never made one, and nothing in it is touched."""

    def refuse(self, folder: LiveFolder, registry: EmbeddedRegistry, match: str) -> None:
        record = say(registry, "one")
        with pytest.raises(AlreadyExists, match=match):
            prepare(folder, registry, record)

    def test_a_file(self, registry: EmbeddedRegistry, tmp_path: Path) -> None:
        (tmp_path / "run").write_text("mine")

        self.refuse(folder_at(tmp_path / "run"), registry, "run is not a folder")
        self.refuse(folder_at(tmp_path / "run" / "prod"), registry, "not a folder|no folder")

        assert (tmp_path / "run").read_text() == "mine"

    def test_a_folder_with_something_else_in_it(self, registry: EmbeddedRegistry, run: Path) -> None:
        (run / "site").mkdir(parents=True)

        self.refuse(folder_at(run), registry, "holds 'site'")

        assert names(run) == {"site"}

    def test_a_link_that_leads_nowhere(self, registry: EmbeddedRegistry, run: Path) -> None:
        run.parent.mkdir()
        run.symlink_to("nowhere")

        self.refuse(folder_at(run), registry, "is no folder")

        assert names(run.parent) == {"prod"}

    @pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
    def test_a_current_that_is_no_link(self, registry: EmbeddedRegistry, run: Path, make: Callable[[Path], None]) -> None:
        prepare(folder_at(run), registry, say(registry, "zero"))
        make(run / "current")

        self.refuse(folder_at(run), registry, "not a link")

        assert not (run / "current").is_symlink()
        assert len(names(run / "releases")) == 1

    @pytest.mark.parametrize("inside", ["releases", ".lastgood-live/incoming"])
    def test_a_link_in_place_of_an_own_folder(self, registry: EmbeddedRegistry, run: Path, tmp_path: Path, inside: str) -> None:
        with folder_at(run).locked():
            pass
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "file").write_text("mine")
        (run / inside).rmdir()
        (run / inside).symlink_to(tmp_path / "outside")

        self.refuse(folder_at(run), registry, "is a link")

        assert names(tmp_path / "outside") == {"file"}

    def test_a_file_in_place_of_a_release(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = say(registry, "one")
        with folder_at(run).locked():
            (run / "releases" / str(record.release)).write_text("mine")

        with pytest.raises(AlreadyExists, match="is not a folder"):
            prepare(folder_at(run), registry, record)

        assert (run / "releases" / str(record.release)).read_text() == "mine"

    @pytest.mark.parametrize(
        "other",
        [
            Followed("another-registry", BOT, PROD),
            Followed("a-registry", PipelineName("other"), PROD),
            Followed("a-registry", BOT, EnvironmentName("staging")),
        ],
    )
    def test_a_folder_that_follows_something_else(self, registry: EmbeddedRegistry, run: Path, other: Followed) -> None:
        first = prepare(folder_at(run), registry, say(registry, "zero"))

        self.refuse(folder_at(run, other), registry, "follows bot/prod of the registry a-registry")

        assert names(run / "releases") == {first.name}

    def test_a_folder_that_follows_nobody_knows_what(self, registry: EmbeddedRegistry, run: Path) -> None:
        prepare(folder_at(run), registry, say(registry, "zero"))
        (run / ".lastgood-live" / "follows.json").write_bytes(b"\xff")

        self.refuse(folder_at(run), registry, "follows something that cannot be read")


class TestLock:
    def test_two_do_not_work_on_a_folder_at_once(self, registry: EmbeddedRegistry, run: Path) -> None:
        record = say(registry, "one")
        with folder_at(run).locked(), pytest.raises(Busy, match="another process"):
            prepare(folder_at(run), registry, record)

        prepare(folder_at(run), registry, record)

    def test_the_lock_is_free_again_after_an_error(self, run: Path) -> None:
        with pytest.raises(ZeroDivisionError), folder_at(run).locked():
            raise ZeroDivisionError

        with folder_at(run).locked():
            assert run.is_dir()

    def test_a_lock_on_a_folder_that_was_removed_protects_nothing(self, run: Path) -> None:
        waiting = LiveFolder(run, FOLLOWED, os.urandom, wait=20)
        is_in, is_done = threading.Event(), threading.Event()

        def wait() -> None:
            with waiting.locked():
                is_in.set()
                is_done.wait(10)

        thread = threading.Thread(target=wait)
        with folder_at(run).locked():
            thread.start()
            # Whatever the thread has open by now is the old lock file, or it meets the new one: either way it waits.
            assert not is_in.wait(0.05)
            shutil.rmtree(run)
            new = LiveFolder(run, FOLLOWED, os.urandom, wait=5)
            new_lock = new.locked()
            new_lock.__enter__()
        assert not is_in.wait(0.3)
        new_lock.__exit__(None, None, None)
        assert is_in.wait(10)
        with pytest.raises(Busy), folder_at(run).locked():
            pass
        is_done.set()
        thread.join(10)
