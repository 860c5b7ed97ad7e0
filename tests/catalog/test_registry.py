"""A registry does the same whichever database its catalog is in: packs lie in a local folder, facts in SQLite or PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database
from lastgood.catalog.postgres import PostgresDatabase
from lastgood.catalog.sqlite import SQLiteDatabase
from lastgood.clock import FixedClock
from lastgood.errors import AlreadyExists, BadRelease, Conflict, Integrity, NothingGood, StaleBase, StaleEnvironment
from lastgood.ids import PipelineName
from lastgood.model.changes.registry import RegistryCreated
from lastgood.model.changes.releases import Verdict
from lastgood.model.history import ReleaseRecord
from lastgood.model.operation import new_operation_id
from lastgood.registry.backup import backup
from lastgood.registry.commit import CommitOptions, commit
from lastgood.registry.embedded import EmbeddedRegistry, Settings, open_registry
from lastgood.registry.import_backup import import_backup
from lastgood.registry.points import points_at
from lastgood.registry.upkeep import Upkeep
from lastgood.registry.verify import verify
from lastgood.store.backend.local import LocalBackend
from lastgood.testing.history import BOT, REGISTRY, START, counted_entropy
from lastgood.workspace.file import read_workspace
from tests.collect.desk import context_on
from tests.model.moving import begin_history
from tests.model.test_environment_machine import EnvironmentMachine
from tests.postgres import Server

WORKSPACE = """pipeline = "bot"
[components.prompts]
kind = "prompt"
path = "prompts"
"""
PATIENCE = 60


@dataclass
class Place:
    """A registry, and a workspace to commit from.

    Attributes:
        open: opens the same registry once more, as another process would.
    """

    registry: EmbeddedRegistry
    clock: FixedClock
    folder: Path
    open: Callable[[str], EmbeddedRegistry]

    def commit(self, words: str, *, onto_latest: bool = False) -> ReleaseRecord:
        (self.folder / "prompts").mkdir(parents=True, exist_ok=True)
        (self.folder / "lastgood.toml").write_text(WORKSPACE)
        (self.folder / "prompts/system.md").write_text(words)
        self.clock.advance(seconds=60)
        return commit(self.registry, read_workspace(self.folder), CommitOptions(message=words, onto_latest=onto_latest)).release

    def words(self, revision: str, registry: EmbeddedRegistry | None = None) -> str:
        """Return what a release says."""
        registry = registry or self.registry
        found = registry.releases.find(revision).release
        (pointer,) = (one for one in points_at(registry.releases.manifest(found.release), registry.files) if one.entry is not None)
        return registry.files.read_file(pointer.digest).decode()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    opened: list[Database] = []
    clock = FixedClock(START)
    folder = tmp_path / "registry"
    (folder / "store").mkdir(parents=True)
    if request.param == "sqlite":
        create_catalog(folder / "catalog.db", lambda _: None)
    else:
        catalog = request.getfixturevalue("postgres_catalog")

    def open_it(seed: str) -> EmbeddedRegistry:
        opened.append(SQLiteDatabase(folder / "catalog.db") if request.param == "sqlite" else PostgresDatabase(catalog))
        return EmbeddedRegistry(context_on(opened[-1], folder, LocalBackend(folder / "store"), clock, seed))

    registry = open_it("")
    with registry.context.changing(registry.context.operation(None)) as (_, ledger):
        ledger.append(RegistryCreated(REGISTRY))
    yield Place(registry, clock, tmp_path / "workspace", open_it)
    for database in opened:
        database.close()


def test_a_day_of_an_environment(place: Place) -> None:
    """Deploy, go back, go back further, refuse what is bad, and tell all of it."""
    environments, releases = place.registry.environments, place.registry.releases
    for number in (1, 2, 3):
        place.commit(f"words {number}")
        place.clock.advance(seconds=3600)
        environments.deploy("prod", f"r{number}", reason=f"reason {number}")
    assert place.words("prod") == "words 3"
    assert [place.words(f"prod~{steps}") for steps in (0, 1, 2)] == ["words 3", "words 2", "words 1"]
    moved = environments.rollback("prod", reason="it was curt — é")
    assert (moved.after.number, moved.before and moved.before.number, moved.revision) == (2, 3, 4)
    assert environments.rollback("prod").after.number == 1
    with pytest.raises(NothingGood):
        environments.rollback("prod")
    assert environments.deploy("prod", "r3").was_suspect
    releases.mark("r2", Verdict.BAD, "people complained")
    with pytest.raises(BadRelease):
        environments.deploy("prod", "r2")
    with pytest.raises(BadRelease):
        environments.rollback("prod", "r2")
    assert releases.details("r2").bad is not None
    history = environments.history("prod")
    assert [one.deployment.number for one in history] == [3, 1, 2, 3, 2, 1]
    assert history[2].deployment.reason == "it was curt — é"
    assert not environments.deploy("prod", "r3").changed
    assert [one.name for one in environments.list("bot")] == ["prod"]
    releases.mark("r2", Verdict.GOOD, "they had not")
    assert environments.rollback("prod", "r2").after.number == 2
    assert verify(place.registry.context, full=True).problems == ()


def test_what_an_environment_was_on(place: Place) -> None:
    """By an instant, by how long ago, and to the microsecond."""
    for number in (1, 2, 3):
        place.commit(f"words {number}")
        place.clock.advance(seconds=3600)
        place.registry.environments.deploy("prod", "latest")
    moments = [one.deployment.recorded_at for one in reversed(place.registry.environments.history("prod"))]
    tick = timedelta(microseconds=1)
    for number, at in enumerate(moments, start=1):
        assert place.words(f"prod@{at.isoformat()}") == f"words {number}"
        if number > 1:
            assert place.words(f"prod@{(at - tick).isoformat()}") == f"words {number - 1}"
    place.clock.advance(seconds=7200)
    assert place.words("prod@3h") == "words 2"
    assert place.words("prod@good") == "words 2"


def test_releases_tags_and_pipelines_are_found(place: Place) -> None:
    """By every kind of revision there is, and in the log."""
    first, second = place.commit("words 1"), place.commit("words 2")
    releases = place.registry.releases
    releases.tag("r1", "v1.0")
    with pytest.raises(AlreadyExists):
        releases.tag("r2", "v1.0")
    for revision in ("r1", "v1.0", str(first.release)[:8], "bot/r1"):
        assert releases.find(revision).release.release == first.release
    assert releases.latest(BOT) == second
    assert [one.release.number for one in releases.log()] == [2, 1]
    assert place.registry.pipelines() == [PipelineName("bot")]
    assert place.registry.id == REGISTRY
    assert place.commit("words 2") == second


def test_a_base_that_is_behind(place: Place, tmp_path: Path) -> None:
    """Of two workspaces the second has to look again."""
    other = replace(place, registry=place.open("other"), folder=tmp_path / "other")
    place.commit("words 1")
    other.commit("words 1")
    place.commit("words 2")
    with pytest.raises(StaleBase):
        other.commit("other words")
    assert other.commit("other words", onto_latest=True).number == 3


def test_a_retried_move_gets_its_first_answer(place: Place) -> None:
    place.commit("words 1")
    place.commit("words 2")
    operation = new_operation_id(counted_entropy("retry"))
    environments = place.registry.environments
    first = environments.deploy("prod", "r1", operation=operation)
    environments.deploy("prod", "r2")
    assert environments.deploy("prod", "r1", operation=operation) == first
    with pytest.raises(Conflict):
        environments.rollback("prod", operation=operation)
    assert [one.deployment.number for one in environments.history("prod")] == [2, 1]


@pytest.mark.parametrize("sharing", [True, False], ids=["one database", "a database each"])
def test_of_deployers_who_race_each_wins_or_is_told_who_did(place: Place, sharing: bool) -> None:
    """However they race, history is one line: each move replaced what the one before left."""
    for number in range(1, 5):
        place.commit(f"words {number}")
    place.registry.environments.deploy("prod", "r1")
    meet = threading.Barrier(6)
    won: list[int] = []
    lost: list[str] = []

    def deploy(number: int) -> None:
        registry = place.registry if sharing else place.open(f"deployer {number}")
        meet.wait(PATIENCE)
        for turn in range(6):
            seen = registry.environments.get("prod")
            target = f"r{(seen.release.number + number + turn) % 4 + 1}"
            try:
                moved = registry.environments.deploy("prod", target, expect=seen.revision, reason=f"{number} {turn}")
            except StaleEnvironment as error:
                lost.append(error.message)
            else:
                won.extend([moved.revision] if moved.changed else [])

    deployers = [threading.Thread(target=deploy, args=(number,)) for number in range(6)]
    for one in deployers:
        one.start()
    for one in deployers:
        one.join(PATIENCE)
    history = place.registry.environments.history("prod")[::-1]
    assert [one.deployment.revision for one in history] == list(range(1, len(history) + 1))
    assert sorted(won) == list(range(2, len(history) + 1))
    for before, after in pairwise(history):
        assert after.deployment.replaced == before.deployment.release
    assert all("was moved to r" in one for one in lost)
    assert verify(place.registry.context).problems == ()


def test_the_care_of_its_bytes(place: Place) -> None:
    """What nobody needs goes, the index is made anew from the packs, and all of it is verified."""
    upkeep = Upkeep(place.registry.context)
    first = place.commit("words 1" * 1000)
    place.commit("words 2" * 1000)
    upkeep.optimize()
    upkeep.collect(timedelta(0), frozenset({first.release}))
    place.clock.advance(seconds=1)
    assert upkeep.collect(timedelta(0), frozenset({first.release})).packs_rewritten == 0
    before = verify(place.registry.context)
    repaired = upkeep.repair()
    assert (repaired.quarantined, [one.release for one in repaired.hurt]) == ((), [first.release])
    assert place.words("r2") == "words 2" * 1000
    assert [one.releases for one in verify(place.registry.context).problems] == [one.releases for one in before.problems]


def test_an_index_whose_pages_are_damaged_is_made_anew(tmp_path: Path) -> None:
    """As a file of SQLite is: the server cannot even empty such a table, and gives it a new file."""
    with Server.started() as server:
        catalog = server.new_catalog()
        registry = EmbeddedRegistry(context_on(PostgresDatabase(catalog), tmp_path, LocalBackend(tmp_path / "store"), FixedClock(START)))
        place = Place(registry, FixedClock(START), tmp_path / "workspace", lambda _: registry)
        with registry.context.changing(registry.context.operation(None)) as (_, ledger):
            ledger.append(RegistryCreated(REGISTRY))
        place.commit("words 1")
        server.damage(catalog, "index_chunks")
        assert any("index_chunks" in one.what for one in verify(registry.context).problems)
        with pytest.raises(Integrity, match="damaged"):
            place.words("r1")
        repaired = Upkeep(registry.context).repair()
        assert (repaired.quarantined, repaired.hurt) == ((), ())
        assert place.words("r1") == "words 1"
        assert verify(registry.context, full=True).problems == ()
        registry.close()


def test_a_backup_is_a_registry_in_a_folder(place: Place, tmp_path: Path) -> None:
    """Whatever it was before: that is the way from a server back to a file."""
    place.commit("words 1")
    place.commit("words 2")
    place.registry.environments.deploy("prod", "r1", reason="because")
    done = backup(place.registry.context, tmp_path / "backup.tar")
    clock = FixedClock(START + timedelta(days=1))
    options = Settings(
        clock, counted_entropy("import"), place.registry.context.zone, place.registry.context.actor, memory=tmp_path / "memory"
    )
    import_backup(tmp_path / "backup.tar", tmp_path / "again", options)
    again = open_registry(tmp_path / "again", options)
    assert (again.id, done.events) == (REGISTRY, 5)
    assert again.environments.history("prod") == place.registry.environments.history("prod")
    assert place.words("prod", again) == "words 1"
    assert verify(again.context, full=True).problems == ()
    again.close()


def test_environments_against_a_memory_of_them(postgres: Server) -> None:
    """The machine that drives the verbs on SQLite, a short run of it, with catalogs on PostgreSQL."""

    class OnPostgres(EnvironmentMachine):
        def _open(self, name: str) -> Database:
            database = PostgresDatabase(postgres.new_catalog())
            begin_history(database)
            return database

    run_state_machine_as_test(OnPostgres, settings=settings(max_examples=6, stateful_step_count=25, deadline=None))
