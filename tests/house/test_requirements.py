"""Everything that is installed is locked, and everything that is needed says why."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMPORTED_AS = {"pyyaml": "yaml"}


def names_of(requirements: list[str]) -> list[str]:
    return [re.split(r"[^\w-]", requirement)[0] for requirement in requirements]


RUNTIME = names_of(PROJECT["project"]["dependencies"])
OPTIONAL = names_of([one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra])
DEVELOPMENT = names_of(PROJECT["dependency-groups"]["dev"])


@pytest.mark.parametrize("lock", ["dev.txt", "weights.txt"])
def test_every_locked_package_has_hashes(lock: str) -> None:
    packages = re.split(r"^(?=[a-z])", (ROOT / "requirements" / lock).read_text(), flags=re.MULTILINE)[1:]

    assert packages
    assert not [package for package in packages if not re.match(r"\S+==\S+ .*\\\n +--hash=sha256:[0-9a-f]{64}", package)]


@pytest.mark.parametrize("name", sorted({*RUNTIME, *OPTIONAL, *DEVELOPMENT}))
def test_every_dependency_is_locked(name: str) -> None:
    assert re.search(rf"^{name}==", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE), "run: make lock"


@pytest.mark.parametrize("name", sorted({*RUNTIME, *OPTIONAL, *DEVELOPMENT}))
def test_every_dependency_says_why(name: str) -> None:
    assert re.search(rf"^- .*`{name}`.*: \w", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_ground_floors_are_kept_from_every_package_but_one() -> None:
    contract = next(one for one in PROJECT["tool"]["importlinter"]["contracts"] if "rfc8785" in one["name"])

    assert sorted(contract["forbidden_modules"]) == sorted(
        IMPORTED_AS.get(name, name) for name in [*RUNTIME, *OPTIONAL] if name != "rfc8785"
    )
