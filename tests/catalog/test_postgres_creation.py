"""A catalog on PostgreSQL is made whole or not at all, and is the one that the migrations state, as in SQLite."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic import command

from lastgood.catalog.creation import CURRENT, require_current_schema
from lastgood.catalog.database import Database
from lastgood.catalog.postgres import PostgresDatabase
from lastgood.catalog.postgres_connections import Place
from lastgood.catalog.postgres_creation import create_postgres_catalog, migrate_postgres_catalog
from lastgood.catalog.records import stored_events, stored_texts
from lastgood.catalog.releases import registry_id
from lastgood.errors import AlreadyExists, Busy, Integrity, Invalid, LastgoodError, NewerSchema, NotAllowed, NotFound, Unavailable
from lastgood.model.changes.registry import RegistryCreated
from lastgood.testing.history import REGISTRY, History
from tests.postgres import Server


def begin(database: Database) -> None:
    History(database).append(RegistryCreated(REGISTRY))


def schemas(server: Server) -> set[object]:
    with server.connect() as connection:
        return {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace").fetchall()}


def count(place: Place) -> int:
    database = PostgresDatabase(place, wait=5)
    try:
        assert require_current_schema(database) is None
        return len(list(stored_events(database)))
    finally:
        database.close()


def test_a_new_catalog_has_its_schema_and_its_first_events(postgres: Server) -> None:
    place = postgres.new_place()
    create_postgres_catalog(place, begin)
    database = PostgresDatabase(place)
    with database.reading() as session:
        assert registry_id(session) == REGISTRY
    database.close()
    assert count(place) == 1


def test_the_first_events_are_read_while_they_are_recorded(postgres: Server) -> None:
    def begin_and_look(database: Database) -> None:
        begin(database)
        with database.reading() as session:
            assert registry_id(session) == REGISTRY
        with database.writing() as session:
            assert registry_id(session) == REGISTRY

    create_postgres_catalog(postgres.new_place(), begin_and_look)


def test_one_that_is_there_is_left_as_it_is(postgres: Server) -> None:
    place = postgres.new_catalog(begin)
    with pytest.raises(AlreadyExists, match="left as it was"):
        create_postgres_catalog(place, lambda _: None)
    assert count(place) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_one_that_could_not_be_begun_is_not_there(postgres: Server, error: type[BaseException]) -> None:
    place = postgres.new_place()

    def fail(database: Database) -> None:
        begin(database)
        raise error

    with pytest.raises(error):
        create_postgres_catalog(place, fail)
    assert place.schema not in schemas(postgres)
    create_postgres_catalog(place, begin)
    assert count(place) == 1


def test_of_many_who_make_one_at_once_one_does(postgres: Server) -> None:
    place, meet = postgres.new_place(), threading.Barrier(4)
    answers: list[type[BaseException] | None] = []

    def make() -> None:
        meet.wait(30)
        try:
            create_postgres_catalog(place, begin, wait=30)
            answers.append(None)
        except LastgoodError as error:
            answers.append(type(error))

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert sorted(map(str, answers)) == sorted(map(str, [None, AlreadyExists, AlreadyExists, AlreadyExists]))
    assert count(place) == 1


def test_whoever_waits_for_another_maker_in_vain_is_told(postgres: Server) -> None:
    place = postgres.new_place()

    def begin_slowly(database: Database) -> None:
        with pytest.raises(Busy, match="nothing was changed"):
            create_postgres_catalog(place, begin, wait=0.05)
        begin(database)

    create_postgres_catalog(place, begin_slowly)
    assert count(place) == 1


def test_a_maker_that_is_killed_leaves_nothing(postgres: Server) -> None:
    place = postgres.new_place()
    script = (
        "import os, signal, sys\n"
        "from lastgood.catalog.postgres_connections import Place\n"
        "from lastgood.catalog.postgres_creation import create_postgres_catalog\n"
        "create_postgres_catalog(Place(*sys.argv[1:]), lambda _: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, place.server, place.schema], check=False)
    assert killed.returncode == -signal.SIGKILL
    create_postgres_catalog(place, begin)
    assert count(place) == 1


def test_a_connection_that_breaks_at_the_end_leaves_the_outcome_open(postgres: Server) -> None:
    place = postgres.new_place()

    def begin_and_die(database: Database) -> None:
        with database.writing() as session, postgres.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [session.rows("SELECT pg_backend_pid()")[0][0]])

    with pytest.raises(Unavailable, match="not known"):
        create_postgres_catalog(place, begin_and_die)
    assert place.schema not in schemas(postgres)


def test_a_database_that_does_not_keep_text_as_utf_8(postgres: Server) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(Invalid, match="UTF-8"):
        create_postgres_catalog(Place(postgres.url("latin"), "registry"), begin)


def test_a_user_who_may_make_nothing(postgres: Server) -> None:
    with postgres.connect() as connection:
        connection.execute("CREATE ROLE maker LOGIN")
    place = replace(postgres.new_place(), server=f"{postgres.url()} user=maker")
    with pytest.raises(NotAllowed, match="nothing was changed"):
        create_postgres_catalog(place, begin)


class TestSchema:
    def test_it_is_the_one_of_sqlite(self, postgres: Server, postgres_catalog: Place, empty_catalog: Path) -> None:
        with postgres.connect(postgres_catalog) as server, closing(sqlite3.connect(empty_catalog)) as file:
            assert columns_in_postgres(server) == columns_in_sqlite(file)
            assert indexes_in_postgres(server) == indexes_in_sqlite(file)

    def test_text_is_compared_by_its_bytes(self, postgres: Server, postgres_catalog: Place) -> None:
        query = (
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_collation l ON l.oid = a.attcollation"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'i') AND l.collname <> 'C'"
            " AND c.relname NOT LIKE 'alembic_version%'"
        )
        with postgres.connect(postgres_catalog) as connection:
            assert connection.execute(query).fetchall() == []

    def test_one_that_is_behind_is_migrated_beside_others(self, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        other = postgres.new_catalog(begin)
        place = of_the_first_version(postgres, monkeypatch)
        with postgres.connect(place) as connection:
            connection.execute("INSERT INTO texts (digest, salt, text) VALUES (%s, %s, 'kept')", [bytes(32), bytes(32)])
        database = PostgresDatabase(place)
        assert require_current_schema(database) == "0001"
        migrate_postgres_catalog(place)
        assert require_current_schema(database) is None
        assert database.damages() == []
        with database.reading() as session:
            assert list(stored_texts(session)) == [(bytes(32), bytes(32), "kept")]
        migrate_postgres_catalog(place)
        assert (count(place), count(other)) == (0, 1)
        database.close()

    def test_a_migration_that_fails_leaves_the_old_schema(self, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        place = of_the_first_version(postgres, monkeypatch)
        with postgres.connect(place) as connection:
            connection.execute("CREATE TABLE index_collections (in_the_way int)")
        with pytest.raises(Integrity):
            migrate_postgres_catalog(place)
        with postgres.connect(place) as connection:
            assert connection.execute("SELECT version_num, to_regclass('index_deltas') FROM alembic_version").fetchall() == [("0001", None)]
            connection.execute("DROP TABLE index_collections")
        migrate_postgres_catalog(place)
        assert count(place) == 0

    def test_a_migration_waits_for_who_writes(self, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        place = of_the_first_version(postgres, monkeypatch)
        database = PostgresDatabase(place)
        with database.writing(), pytest.raises(Busy, match="nothing was changed"):
            migrate_postgres_catalog(place, wait=0.05)
        migrate_postgres_catalog(place)
        assert count(place) == 0
        database.close()

    def test_a_migration_of_nothing(self, postgres: Server) -> None:
        with pytest.raises(NotFound):
            migrate_postgres_catalog(postgres.new_place())

    def test_one_of_a_newer_version_is_left_alone(self, postgres: Server) -> None:
        place = postgres.new_catalog(begin)
        with postgres.connect(place) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        database = PostgresDatabase(place)
        with pytest.raises(NewerSchema, match=f"9999.*{CURRENT}"):
            require_current_schema(database)
        database.close()


def of_the_first_version(server: Server, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Make a catalog as the first version of lastgood did."""
    upgrade = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _newest: upgrade(config, "0001"))
        return server.new_catalog()


Described = dict[object, set[tuple[object, ...]]]


def columns_in_postgres(connection: psycopg.Connection[tuple[object, ...]]) -> Described:
    """Return name and need of each column of each table."""
    query = "SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns WHERE table_schema = current_schema()"
    found: Described = {}
    for table, *column in connection.execute(query).fetchall():
        found.setdefault(table, set()).add(tuple(column))
    return found


def columns_in_sqlite(connection: sqlite3.Connection) -> Described:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    return {table: {(row[1], bool(row[3])) for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}


def indexes_in_postgres(connection: psycopg.Connection[tuple[object, ...]]) -> Described:
    """Return the columns of each index of each table, and whether it allows one row of each."""
    query = (
        "SELECT t.relname, i.indisunique, array_agg(a.attname::text ORDER BY k.place) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
        " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number"
        " WHERE t.relnamespace = current_schema()::regnamespace GROUP BY t.relname, i.indexrelid, i.indisunique"
    )
    found: Described = {}
    for table, is_unique, columns in connection.execute(query).fetchall():
        assert isinstance(columns, list)
        found.setdefault(table, set()).add((is_unique, *columns))
    return found


def indexes_in_sqlite(connection: sqlite3.Connection) -> Described:
    found: Described = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for _, index, is_unique, *_ in connection.execute(f"PRAGMA index_list({table})").fetchall():
            columns = [row[2] for row in connection.execute(f"PRAGMA index_info({index})").fetchall()]
            found.setdefault(table, set()).add((bool(is_unique), *columns))
        key = sorted((row[5], row[1]) for row in connection.execute(f"PRAGMA table_info({table})").fetchall() if row[5])
        found.setdefault(table, set()).add((True, *(name for _, name in key)))
    return found
