"""The schema is what was decided, and neither a migration nor a new SQLAlchemy changes it unnoticed."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

import lastgood.catalog.migrations
from lastgood.catalog.creation import CURRENT
from lastgood.catalog.facts import FACT_TABLES

GOLDEN = Path(__file__).with_name("schema.txt")
RECORDS = {"checkpoints", "events", "texts"}
VERSION = "alembic_version"


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(str(lastgood.catalog.migrations.__file__)).parent))
    return ScriptDirectory.from_config(config)


def test_the_version_that_the_code_knows_is_the_newest_there_is() -> None:
    assert scripts().get_heads() == [CURRENT]


def test_versions_sort_as_they_follow_each_other() -> None:
    order = [script.revision for script in scripts().walk_revisions()][::-1]
    assert order == sorted(order), "the check for a newer schema compares them as text"
    assert all(len(version) == 4 and version.isdecimal() for version in order)


def described(path: Path) -> str:
    connection = sqlite3.connect(path)
    lines: list[str] = []
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        rowid = (
            ""
            if " WITHOUT ROWID" not in connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
            else " without rowid"
        )
        lines.append(f"{table}{rowid}")
        for _, name, kind, is_needed, default, place in connection.execute(f"PRAGMA table_info({table})"):
            lines.append(
                f"    {name} {kind}{' not null' if is_needed else ''}{f' key {place}' if place else ''}{f' = {default}' if default else ''}"
            )
        for _, index, is_unique, origin, _ in sorted(connection.execute(f"PRAGMA index_list({table})").fetchall(), key=lambda row: row[1]):
            columns = ", ".join(row[2] for row in connection.execute(f"PRAGMA index_info({index})"))
            if origin != "pk":
                lines.append(f"    {'unique' if is_unique else 'index'} ({columns})")
    connection.close()
    return "\n".join(lines) + "\n"


def test_the_schema_is_the_golden_one(empty_catalog: Path) -> None:
    assert described(empty_catalog) == GOLDEN.read_text()


def test_every_table_is_of_one_of_three_kinds() -> None:
    tables = {line.split()[0] for line in GOLDEN.read_text().splitlines() if not line.startswith(" ")}
    assert {one for one in tables if one.startswith("fact_")} == set(FACT_TABLES)
    assert {one for one in tables if not one.startswith(("fact_", "index_"))} == RECORDS | {VERSION}


def test_postgresql_compares_text_by_its_bytes() -> None:
    """No PostgreSQL is needed: SQLAlchemy says what it would send."""
    sent = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sent})
    with Operations.context(context):
        for script in list(scripts().walk_revisions())[::-1]:
            script.module.upgrade()
    columns = [line.strip() for line in sent.getvalue().splitlines() if line.startswith("    ")]
    textual = [line for line in columns if "CHAR" in line or "TEXT" in line]
    assert len(textual) > 10
    assert [line for line in textual if 'COLLATE "C"' not in line] == []
