"""What a live folder refuses: folders that are something else, and working on one at once."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from lastgood.errors import AlreadyExists, Busy
from lastgood.ids import EnvironmentName, PipelineName, RegistryId
from lastgood.live.folder import LiveFolder
from lastgood.live.followed import Followed
from lastgood.live.lock import locked
from lastgood.registry.embedded import EmbeddedRegistry
from tests.live.bot import BOT, FOLLOWED, PROD, folder_at, names, prepare, say


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
            Followed(RegistryId("00000000-9a34-4c52-8a5f-1f2f6f2a9b10"), BOT, PROD),
            Followed(FOLLOWED.registry, PipelineName("other"), PROD),
            Followed(FOLLOWED.registry, BOT, EnvironmentName("staging")),
        ],
    )
    def test_a_folder_that_follows_something_else(self, registry: EmbeddedRegistry, run: Path, other: Followed) -> None:
        first = prepare(folder_at(run), registry, say(registry, "zero"))

        self.refuse(folder_at(run, other), registry, f"follows bot/prod of the registry {FOLLOWED.registry}")

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

    def test_a_lock_on_a_file_that_was_replaced_protects_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path, new = tmp_path / "lock", tmp_path / "new"
        new.touch()
        flock = fcntl.flock

        def replaced_before(file: int, operation: int) -> None:
            if new.exists():
                new.replace(path)
            flock(file, operation)

        monkeypatch.setattr(fcntl, "flock", replaced_before)
        with locked(path, "it"), pytest.raises(Busy), locked(path, "it", wait=0):
            pass
