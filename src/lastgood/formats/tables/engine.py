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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import duckdb

from lastgood.errors import StorageFull, of_os_error
from lastgood.formats.tables.private_folder import PrivateFolder
from lastgood.formats.tree import Malformed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMORY = "768MB"
"""How much DuckDB keeps in memory; what is more goes to its folder."""

_MOST_THREADS = 4
_COPIED = 1 << 20
_NO_ROOM = ("No space left", "max_temp_directory_size", "Disk quota", "File too large")


class Readable(Protocol):
    """What bytes can be read from, some at a time."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""
        ...


class Engine:
    """A DuckDB that knows nothing but its own folder."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._folder = Path()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._folder = held.enter_context(PrivateFolder())
            self._connection = self._connect()
            held.callback(self._connection.close)
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._held.close()

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
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET allowed_directories = [?]", [folder])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def keep(self, file: Readable, name: str) -> str:
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

    def batches(self, query: str, values: Sequence[object], at_once: int) -> Iterator[list[tuple[Any, ...]]]:  # Any: likewise
        """Yield some rows of an answer, again and again, until there are none left.

        Raises:
            Malformed: the engine refuses what it reads.
        """
        try:
            answer = self._opened.execute(query, list(values))
            while rows := answer.fetchmany(at_once):
                yield rows
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise _meaning(error) from error

    def numbers(self, query: str) -> list[NDArray[np.float64]]:
        """Return the columns of an answer that is made of numbers; one that is null is NaN.

        Raises:
            Malformed: the engine refuses what it reads.
        """
        import numpy as np  # noqa: PLC0415  # a tenth of a second that looking up a row should not cost

        try:
            answer = self._opened.execute(query).fetchnumpy()
        except duckdb.Error as error:
            raise _meaning(error) from error
        return [np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan) for column in answer.values()]

    @property
    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise ValueError("the engine is used outside of `with`")
        return self._connection


def _meaning(error: Exception) -> Exception:
    """Return the error of ours that one of DuckDB's means; a statement that is none is a mistake of ours, never of a table."""
    if isinstance(error, duckdb.ParserException | duckdb.CatalogException):
        return error
    words = str(error)
    if any(sign in words for sign in _NO_ROOM):
        return StorageFull("there is no room left on the disk for what a table is read with; nothing was changed")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Malformed(f"it takes more than {MEMORY} of memory to look at")
    first = words.partition("\n")[0].partition(" in file ")[0]
    return Malformed(first[:200])
