"""What the tests of backups start from: what those of the command line start from, and a registry with deltas."""

from __future__ import annotations

from tests.cli.conftest import committed, deployed, desk, empty, initial, three
from tests.repair.conftest import series, series_of_checkpoints

__all__ = ["committed", "deployed", "desk", "empty", "initial", "series", "series_of_checkpoints", "three"]
