"""What the tests of the ledger start from: what those of the command line start from, and machines that remember nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import committed, deployed, desk, empty, initial, three

__all__ = ["committed", "deployed", "desk", "empty", "initial", "three"]


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let each test remember for itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"
