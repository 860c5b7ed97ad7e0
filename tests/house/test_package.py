"""What a user installs holds what it needs, starts without what it does not need, and the scripts are whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from lastgood._version import __version__

ROOT = Path(__file__).parents[2]
HEAVY = {"alembic", "asyncio", "duckdb", "numpy", "pathspec", "psycopg", "pydantic", "rich", "sqlalchemy", "yaml"}


@pytest.fixture(scope="module")
def files_of_the_wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return ZipFile(next(folder.glob("*.whl"))).namelist()


def test_the_wheel_holds_every_source_file_and_no_other(files_of_the_wheel: list[str]) -> None:
    source = ROOT / "src"
    kept = (path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc" and not is_cache(path.parent))
    expected = {str(path.relative_to(source)) for path in kept}

    assert {name for name in files_of_the_wheel if ".dist-info/" not in name} == expected


def is_cache(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.relative_to(ROOT).parts)


def test_the_wheel_is_typed_and_licensed(files_of_the_wheel: list[str]) -> None:
    assert "lastgood/py.typed" in files_of_the_wheel
    assert [name for name in files_of_the_wheel if name.endswith("dist-info/licenses/LICENSE")]


def test_the_program_says_its_version(lastgood_program: Path) -> None:
    said = subprocess.run([lastgood_program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout

    assert __version__ in said.split()


@pytest.mark.parametrize("arguments", [["--version"], ["commit", "--help"]], ids=" ".join)
def test_starting_up_imports_nothing_heavy(arguments: list[str], clean_environment: Mapping[str, str]) -> None:
    start = "from lastgood.cli.main import main; main()"
    started = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", start, *arguments],
        env=clean_environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in started.stderr.splitlines()}

    assert "click" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("script", [".ci/run", "tools/make_venv.sh", "tools/system_parts.sh"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_make_lists_what_readers_are_told_of() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    expected = {"help", "demo", "test", "lint", "bench", "torture", "docs", "lock", "clean"}
    assert set(re.findall(r"^ +make (\w+)", listed, re.MULTILINE)) == expected
