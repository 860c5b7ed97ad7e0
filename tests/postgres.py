"""A real PostgreSQL server of the tests' own: in a temporary folder, on a socket in it, and gone with them.

    with Server.started() as server:
        place = server.new_catalog()          # a schema that `create_postgres_catalog` made
        server.stop(); server.start()

It does not run as root, which PostgreSQL refuses: where the tests do, it runs as `postgres` or `nobody`. It listens on no
port, so two can run at once, and it takes its bytes nowhere: fsync is off.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from lastgood.catalog.database import Database
from lastgood.catalog.postgres_connections import Place
from lastgood.catalog.postgres_creation import create_postgres_catalog
from tests.parts import need

USER = "lastgood"
_PATIENCE = 60.0
_PAGE = 8192
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "lc_messages": "C",
}


class Server:
    """One server; see the module.

    Args:
        folder: an empty folder that only its owner may enter, and that is the server's.
        programs: the folder of PostgreSQL's programs.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._catalogs = 0

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Server]:
        """Give a server that runs."""
        programs = find_programs()
        need(programs, "PostgreSQL (Debian: apt-get install postgresql; macOS: brew install postgresql)")
        assert programs is not None
        # Short, since the path of a socket has a hundred bytes at the most, and not below a folder that only root may enter.
        with tempfile.TemporaryDirectory(prefix="lastgood-pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
            if os.geteuid() == 0:
                shutil.chown(name, _owner())
            server = cls(Path(name), programs)
            server._make()
            server.start()
            try:
                yield server
            finally:
                server.stop()

    def url(self, database: str = "postgres") -> str:
        """Return the connection string of one of its databases."""
        return f"host={self._folder} user={USER} dbname={database}"

    @property
    def socket(self) -> Path:
        """On what it listens."""
        return self._folder / ".s.PGSQL.5432"

    def new_catalog(self, begin: Callable[[Database], None] = lambda _: None) -> Place:
        """Make a catalog in a schema of its own."""
        place = self.new_place()
        create_postgres_catalog(place, begin)
        return place

    def new_place(self) -> Place:
        """Return where a catalog may be made."""
        self._catalogs += 1
        return Place(self.url(), f"catalog-{self._catalogs}")

    def connect(self, place: Place | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as somebody who knows nothing of lastgood, with the tables of a catalog in sight."""
        connection = psycopg.connect(self.url(), autocommit=True)
        if place is not None:
            connection.execute(f"SET search_path = {place.identifier}".encode())
        return connection

    def empty(self, place: Place) -> None:
        """Take every row out of a catalog but its version."""
        with self.connect(place) as connection, connection.transaction():
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall():
                if name != "alembic_version":
                    connection.execute(f"DELETE FROM {name}".encode())  # noqa: S608 - a table of ours

    def damage(self, place: Place, table: str) -> None:
        """Write over the first page of a table, or of an index; the server is stopped meanwhile."""
        with self.connect(place) as connection:
            connection.execute("CHECKPOINT")
            found = connection.execute("SELECT pg_relation_filepath(to_regclass(%s))", [table]).fetchone()
        assert found is not None
        path = self._data / str(found[0])
        assert path.stat().st_size >= _PAGE
        self.stop()
        with path.open("r+b") as file:
            file.write(b"\xff" * _PAGE)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [option for name, value in _SETTINGS.items() for option in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_somebody(), self._programs / "postgres", "-D", self._data, "-k", self._folder, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it as an administrator would who does not wait for sessions to end."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_PATIENCE)
        finally:
            process.kill()
            process.wait()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _make(self) -> None:
        subprocess.run(
            [
                *_as_somebody(),
                self._programs / "initdb",
                *("-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--data-checksums"),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
        )


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs: Debian keeps them out of PATH."""
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[-3]))
    found = of_debian[-1] if of_debian else shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _owner() -> str:
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_somebody() -> list[str]:
    """Return what a command line begins with so that its program is not root, and does not outlive us."""
    if shutil.which("setpriv") is None:
        need(os.geteuid() != 0, "setpriv (Debian: apt-get install util-linux), since PostgreSQL does not run as root")
        return []
    beginning = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        beginning += [f"--reuid={_owner()}", f"--regid={pwd.getpwnam(_owner()).pw_gid}", "--clear-groups"]
    return [*beginning, "--"]
