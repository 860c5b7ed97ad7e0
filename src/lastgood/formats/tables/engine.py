"""The engine that does the heavy part: DuckDB, with bounded memory, locked up in a private folder.

Rules: a folder of its own holds what it may read and what it spills, and is removed whatever happens; it reaches no other
file, no network, no extension and no setting, since all of that is switched off before the first byte is read and locked.
What it refuses is `Malformed`, in its words; no room on the disk is `StorageFull`. Import this module late: DuckDB takes a
sixth of a second to load.

    with Engine() as engine:
        path = engine.keep(file, "a.parquet")
        engine.rows("SELECT count(*) FROM read_parquet(?)", [path])
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import duckdb

from lastgood.errors import StorageFull, of_os_error
from lastgood.formats.tree import Malformed

MEMORY = "768MB"
"""How much DuckDB keeps in memory; what is more goes to its folder."""

_MOST_THREADS = 4
_COPIED = 1 << 20
_NO_ROOM = ("No space left", "max_temp_directory_size", "Disk quota", "File too large")


class Engine:
    """A DuckDB that knows nothing but its own folder."""

    def __init__(self) -> None:
        self._folder = Path()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="lastgood-tables-"))
        except OSError as error:
            raise of_os_error(error, "a temporary folder cannot be made") from error
        try:
            self._connection = self._connect()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        folder = str(self._folder)
        connection = duckdb.connect(
            str(self._folder / "engine.db"),
            config={
                "memory_limit": MEMORY,
                "threads": min(_MOST_THREADS, os.cpu_count() or 1),
                "temp_directory": str(self._folder / "spilled"),
                "extension_directory": folder,
                "secret_directory": folder,
                "allow_persistent_secrets": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_unsigned_extensions": False,
            },
        )
        connection.execute("SET allowed_directories = [?]", [folder])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def keep(self, file: BinaryIO, name: str) -> str:
        """Copy a file into the folder, and return where it is.

        Args:
            file: read from where it stands to its end.
            name: a plain name, ours and never one that a file came with.

        Raises:
            StorageFull: there is no room for it.
        """
        path = self._folder / name
        with path.open("wb") as copy:
            while data := file.read(_COPIED):
                try:
                    copy.write(data)
                except OSError as error:
                    raise of_os_error(error, "a table cannot be copied to be read") from error
        return str(path)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:  # Any: what SQL answers
        """Run one statement and return all that it answers.

        Raises:
            Malformed: the engine refuses what it reads.
            StorageFull: what does not fit into memory does not fit on the disk.
        """
        try:
            return self._opened.execute(query, list(values)).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise _meaning(error) from error

    def batches(self, query: str, values: Sequence[object], at_once: int) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
        """Yield the names of the columns with some rows, again and again, until there are none left.

        Raises:
            Malformed: the engine refuses what it reads.
        """
        try:
            answer = self._opened.execute(query, list(values))
            names = [str(column[0]) for column in answer.description or ()]
            while rows := answer.fetchmany(at_once):
                yield names, rows
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise _meaning(error) from error

    @property
    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise ValueError("the engine is used outside of `with`")
        return self._connection


def _meaning(error: Exception) -> Malformed | StorageFull:
    """Return the error of ours that one of DuckDB's means."""
    words = str(error)
    if any(sign in words for sign in _NO_ROOM):
        return StorageFull("there is no room left on the disk for what a table is read with; nothing was changed")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Malformed(f"it takes more than {MEMORY} of memory to look at")
    first = words.partition("\n")[0].partition(" in file ")[0]
    return Malformed(first[:200])
