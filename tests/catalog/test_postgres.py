"""What only PostgreSQL does: connections that break, servers that restart, locks, rights, and pages that are damaged."""

# ruff: noqa: PT012 - what must fail is a whole change

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lastgood.catalog.creation import require_current_schema
from lastgood.catalog.database import TablesDamaged
from lastgood.catalog.placement import CatalogIndex, add_packs
from lastgood.catalog.postgres import PostgresDatabase, for_psycopg
from lastgood.catalog.postgres_connections import MOST_CONNECTIONS, Place
from lastgood.catalog.rebuilding import TABLES
from lastgood.catalog.records import stored_events
from lastgood.errors import Busy, Integrity, Invalid, LastgoodError, NotAllowed, NotFound, ReadOnly, StorageFull, Unavailable
from lastgood.model.placement import ChunkInPack
from lastgood.testing.catalog import recorded
from lastgood.testing.catalog_index import chunk, pack
from lastgood.testing.history import History
from tests.postgres import Server

OUR_PID = "SELECT pg_backend_pid()"


@pytest.fixture
def database(postgres_catalog: Place) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_catalog, wait=10)
    yield database
    database.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that may be stopped, and damaged."""
    with Server.started() as server:
        yield server


def events(database: PostgresDatabase) -> int:
    return len(list(stored_events(database)))


def kill(server: Server, pid: object) -> None:
    """End a session of the server, as an administrator does, and wait until it is gone."""
    with server.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT :a, :a_1 FROM t", "SELECT %(a)s, %(a_1)s FROM t"),
        ("SELECT a::text, ':b', \":c\", 'it''s :d'", "SELECT a::text, ':b', \":c\", 'it''s :d'"),
        ("SELECT 1 -- :a\n, :b", "SELECT 1 -- :a\n, %(b)s"),
        ("SELECT /* :a\n:b */ :c", "SELECT /* :a\n:b */ %(c)s"),
        ("SELECT a % 2, '%s', '50%'", "SELECT a %% 2, '%%s', '50%%'"),
        ("SELECT 'é' || :é_", "SELECT 'é' || :é_"),
    ],
)
def test_parameters_are_told_from_what_looks_like_them(statement: str, expected: str) -> None:
    assert for_psycopg(statement) == expected.encode()


class TestPlaces:
    @pytest.mark.parametrize("name", ["", "pg_catalog", "Upper", "1st", 'a"b', "a b", "a%s", "a\0", "é", "a" * 64])
    def test_a_name_that_no_schema_gets(self, name: str) -> None:
        with pytest.raises(Invalid, match="schema"):
            Place("", name)

    def test_there_is_no_catalog(self, postgres: Server) -> None:
        database = PostgresDatabase(Place(postgres.url(), "nowhere"))
        with pytest.raises(NotFound, match="nowhere"):
            require_current_schema(database)

    @pytest.mark.parametrize(
        ("server", "error"),
        [
            ("postgresql://ada:hunter2@127.0.0.1:1/x?connect_timeout=2", Unavailable),
            ("host=/nowhere user=ada password=hunter2", Unavailable),
            ("postgresql://ada:hunter2%zz@127.0.0.1/x", Invalid),
            ("hunter2", Invalid),
        ],
    )
    def test_a_server_that_cannot_be_reached(self, server: str, error: type[LastgoodError]) -> None:
        """And nobody is shown the password."""
        place = Place(server, "registry")
        with pytest.raises(error) as caught, PostgresDatabase(place, wait=1).reading():
            pass
        shown = "".join(map(str, (caught.value.message, caught.value.hint, caught.value.details, place, repr(place))))
        assert "hunter2" not in shown

    def test_where_the_driver_is_missing_it_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(Invalid, match="psycopg") as caught, PostgresDatabase(Place("", "registry")).reading():
            pass
        assert caught.value.hint == "pip install 'lastgood[postgres]'"

    def test_registries_that_share_a_server_do_not_wait_for_each_other(self, postgres: Server, database: PostgresDatabase) -> None:
        other = PostgresDatabase(postgres.new_catalog(), wait=0.05)
        with History(database).change() as (_, ledger):
            ledger.append(recorded(1))
            History(other).append(recorded(2))
        assert (events(database), events(other)) == (1, 1)
        other.close()

    def test_nobodys_temporary_table_stands_in_for_ours(self, database: PostgresDatabase) -> None:
        with database.writing() as session:
            session.execute("CREATE TEMPORARY TABLE events (sequence int)")
            assert session.rows("SELECT leaf FROM events") == []
            session.execute("DROP TABLE pg_temp.events")


class TestConnections:
    def test_threads_read_beside_each_other_up_to_a_bound(self, postgres_catalog: Place) -> None:
        database = PostgresDatabase(postgres_catalog, wait=0.2)
        inside, leave = threading.Barrier(MOST_CONNECTIONS + 1), threading.Event()

        def read() -> None:
            with database.reading() as session:
                session.rows("SELECT 1")
                inside.wait(30)
                leave.wait(30)

        readers = [threading.Thread(target=read) for _ in range(MOST_CONNECTIONS)]
        for reader in readers:
            reader.start()
        inside.wait(30)
        with pytest.raises(Busy, match="nothing was changed"), database.reading():
            pass
        leave.set()
        for reader in readers:
            reader.join(30)
        assert events(database) == 0
        database.close()

    def test_closing_lets_go_of_every_connection(self, postgres: Server, postgres_catalog: Place) -> None:
        place = replace(postgres_catalog, server=postgres_catalog.server + " application_name=closing")
        database = PostgresDatabase(place)
        with database.reading() as session, ExitStack() as stack:
            stack.callback(database.close)
            assert session.rows(OUR_PID)
        with database.scratch("fact_"):
            pass
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'"
        with postgres.connect() as connection:
            deadline = time.monotonic() + 10
            while connection.execute(query).fetchone() != (0,):
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def test_connections_that_died_while_nobody_used_them_are_replaced(self, postgres: Server, database: PostgresDatabase) -> None:
        for session in (database.reading, database.writing):
            with database.reading() as before:
                pid = before.rows(OUR_PID)[0][0]
            kill(postgres, pid)
            with session() as after:
                assert after.rows(OUR_PID)[0][0] != pid

    def test_a_server_that_was_restarted(self, own_server: Server) -> None:
        database = PostgresDatabase(own_server.new_catalog(), wait=10)
        History(database).append(recorded(1))
        own_server.stop()
        with pytest.raises(Unavailable, match="nothing was changed"):
            History(database, "x").append(recorded(2))
        own_server.start()
        History(database, "y").append(recorded(3))
        assert events(database) == 2
        database.close()

    def test_a_connection_that_dies_in_a_session_ends_it(self, postgres: Server, database: PostgresDatabase) -> None:
        history = History(database)
        with database.reading() as session:
            kill(postgres, session.rows(OUR_PID)[0][0])
            for _ in range(2):
                with pytest.raises(Unavailable, match="nothing was changed"):
                    session.rows("SELECT 1")
        with pytest.raises(Unavailable, match="nothing was changed"), history.change() as (session, ledger):
            ledger.append(recorded(1))
            kill(postgres, session.rows(OUR_PID)[0][0])
            ledger.append(recorded(2))
        assert events(database) == 0
        history.append(recorded(3))
        assert events(database) == 1

    def test_a_reader_waits_for_a_table_only_so_long(self, postgres: Server, postgres_catalog: Place) -> None:
        database = PostgresDatabase(postgres_catalog, wait=0.05)
        with postgres.connect(postgres_catalog) as other, other.transaction():
            other.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Busy, match="nothing was changed"):
                events(database)
        assert events(database) == 0
        database.close()

    def test_a_server_that_acknowledges_too_early_is_asked_not_to(self, postgres_catalog: Place) -> None:
        for setting, expected in (("off", "on"), ("remote_apply", "remote_apply")):
            place = replace(postgres_catalog, server=f"{postgres_catalog.server} options='-c synchronous_commit={setting}'")
            database = PostgresDatabase(place)
            with database.writing() as session:
                assert session.rows("SHOW synchronous_commit") == [(expected,)]
            database.close()


class LosesAnswers(threading.Thread):
    """Stands between a client and the server, hands everything on, and loses the answer to the first COMMIT."""

    def __init__(self, folder: Path, server: Path) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / server.name))
        self._socket.listen()

    def run(self) -> None:
        client, _ = self._socket.accept()
        with self._socket, client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            answers = threading.Thread(target=self._hand_on_answers, args=(server, client))
            answers.start()
            is_last = False
            while not is_last:
                asked = client.recv(1 << 16)
                is_last = not asked or b"COMMIT\0" in asked
                if is_last:
                    self._is_losing = True
                server.sendall(asked)
            answers.join(30)

    _is_losing = False

    def _hand_on_answers(self, server: socket.socket, client: socket.socket) -> None:
        while (answer := server.recv(1 << 16)) and not self._is_losing:
            client.sendall(answer)
        client.shutdown(socket.SHUT_RDWR)


class TestCommits:
    def test_a_commit_that_the_connection_does_not_survive_is_unknown(self, postgres: Server, database: PostgresDatabase) -> None:
        with pytest.raises(Unavailable, match="not known") as caught, History(database).change() as (session, ledger):
            ledger.append(recorded(1))
            kill(postgres, session.rows(OUR_PID)[0][0])
        assert caught.value.details == {"outcome": "unknown"}
        assert "nothing was changed" not in caught.value.message
        assert events(database) == 0

    def test_a_commit_whose_answer_was_lost_is_unknown_and_stands(
        self, postgres: Server, postgres_catalog: Place, database: PostgresDatabase, tmp_path: Path
    ) -> None:
        LosesAnswers(tmp_path, postgres.socket).start()
        cut_off = PostgresDatabase(replace(postgres_catalog, server=f"{postgres_catalog.server} host={tmp_path}"), wait=10)
        with pytest.raises(Unavailable, match="not known") as caught:
            History(cut_off).append(recorded(1))
        assert caught.value.details == {"outcome": "unknown"}
        assert events(database) == 1
        cut_off.close()

    def test_a_change_that_goes_on_after_a_statement_failed_is_none(self, database: PostgresDatabase) -> None:
        """PostgreSQL answers its COMMIT with a rollback and no error."""
        with pytest.raises(Integrity, match="nothing was changed"), History(database).change() as (session, ledger):
            ledger.append(recorded(1))
            with pytest.raises(Integrity):
                session.execute("INSERT INTO fact_tags (pipeline) VALUES (:a)", a="x")
        assert events(database) == 0

    def test_a_change_that_others_made_without_the_lock_is_no_surprise(
        self, postgres: Server, postgres_catalog: Place, database: PostgresDatabase
    ) -> None:
        History(database).append(recorded(1))
        with pytest.raises(Busy, match="nothing was changed"), database.writing() as session:
            assert session.rows("SELECT policy FROM fact_retention")
            with postgres.connect(postgres_catalog) as rogue:
                rogue.execute("UPDATE fact_retention SET policy = 'rogue'")
            session.execute("UPDATE fact_retention SET policy = 'ours'")

    def test_a_writer_that_is_killed_leaves_nothing_and_no_lock(self, postgres_catalog: Place, database: PostgresDatabase) -> None:
        script = (
            "import os, signal, sys\n"
            "from lastgood.catalog.postgres import PostgresDatabase\n"
            "from lastgood.catalog.postgres_connections import Place\n"
            "from lastgood.testing.catalog import recorded\n"
            "from lastgood.testing.history import History\n"
            "with History(PostgresDatabase(Place(*sys.argv[1:]))).change() as (_, ledger):\n"
            "    ledger.append(recorded(1))\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        killed = subprocess.run([sys.executable, "-c", script, postgres_catalog.server, postgres_catalog.schema], check=False)
        assert killed.returncode == -signal.SIGKILL
        History(database).append(recorded(2))
        assert events(database) == 1

    @pytest.mark.parametrize(
        ("state", "error"),
        [
            ("40001", Busy),
            ("40P01", Busy),
            ("55P03", Busy),
            ("53100", StorageFull),
            ("25006", ReadOnly),
            ("42501", NotAllowed),
            ("53200", Unavailable),
            ("57014", Unavailable),
            ("58030", Unavailable),
            ("XX001", Integrity),
            ("XX000", Integrity),
            ("22012", Integrity),
            ("42P01", Integrity),
        ],
    )
    def test_what_the_server_says_is_an_error_of_ours(self, database: PostgresDatabase, state: str, error: type[LastgoodError]) -> None:
        raising = f"DO $$BEGIN RAISE EXCEPTION 'because' USING ERRCODE = '{state}'; END$$"
        with pytest.raises(error) as caught, History(database).change() as (session, ledger):
            ledger.append(recorded(1))
            session.execute(raising)
        assert type(caught.value) is error
        assert "nothing was changed" in caught.value.message or error is Integrity
        assert events(database) == 0

    def test_a_server_that_takes_no_changes(self, postgres_catalog: Place, database: PostgresDatabase) -> None:
        place = replace(postgres_catalog, server=f"{postgres_catalog.server} options='-c default_transaction_read_only=on'")
        reading = PostgresDatabase(place)
        with pytest.raises(ReadOnly, match="nothing was changed"):
            History(reading).append(recorded(1))
        assert events(reading) == events(database) == 0
        reading.close()

    def test_a_user_who_may_only_read(self, postgres: Server) -> None:
        place = postgres.new_catalog()
        with postgres.connect(place) as connection:
            connection.execute("CREATE ROLE reader LOGIN")
            connection.execute(f"GRANT USAGE ON SCHEMA {place.identifier} TO reader".encode())
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {place.identifier} TO reader".encode())
        reader = PostgresDatabase(replace(place, server=f"{place.server} user=reader"))
        assert require_current_schema(reader) is None
        assert events(reader) == 0
        with pytest.raises(NotAllowed, match="nothing was changed"):
            History(reader).append(recorded(1))
        reader.close()


class TestDamage:
    @pytest.fixture
    def damaged(self, own_server: Server) -> Iterator[Callable[[str], PostgresDatabase]]:
        place = own_server.new_catalog()
        database = PostgresDatabase(place, wait=10)
        History(database).append(recorded(1))
        with database.writing() as session:
            add_packs(session, [pack("one", (ChunkInPack(chunk("a"), 0, 0, 20),))])

        def damaged(table: str) -> PostgresDatabase:
            with own_server.connect(place) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public")
            own_server.damage(place, table)
            return database

        yield damaged
        database.close()

    @pytest.mark.parametrize("table", ["index_chunks", "index_chunks_pkey", "texts", "events"])
    def test_damage_is_found_and_named(self, damaged: Callable[[str], PostgresDatabase], table: str) -> None:
        database = damaged(table)
        found = database.damages()
        assert [one.split(":")[0] for one in found if one.startswith(f"{table}:")] == [table]

    def test_tables_of_the_index_that_are_damaged_are_made_anew(self, damaged: Callable[[str], PostgresDatabase]) -> None:
        database = damaged("index_chunks")
        with pytest.raises(Integrity, match="damaged"):
            CatalogIndex(database).known_chunks([chunk("a")])
        with pytest.raises(TablesDamaged), database.writing() as session:
            database.clear(session, TABLES)
        with database.writing() as session:
            database.unlink(session, TABLES)
            add_packs(session, [pack("one", (ChunkInPack(chunk("a"), 0, 0, 20),))])
        assert CatalogIndex(database).known_chunks([chunk("a")]) == {chunk("a")}
        database.compact()
        assert database.damages() == []
