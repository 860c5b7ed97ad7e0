"""kill -9 at random moments of repair, backup and import: the index is the old or the new, a copy is whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import lastgood
from tests.cli.commands import Desk
from tests.repair.conftest import initial, series, series_of_checkpoints

__all__ = ["initial", "series", "series_of_checkpoints"]

BATTERY = Path(__file__).with_name("upkeep_battery.py")
KILLS_EACH = 15


def test_a_kill_leaves_the_old_or_the_new(series: Desk, tmp_path: Path) -> None:
    (tmp_path / "battery").mkdir()
    done = subprocess.run(
        [sys.executable, str(BATTERY), str(series.root), str(tmp_path / "battery"), str(KILLS_EACH + 1), "5"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env={**os.environ, "PYTHONPATH": str(Path(lastgood.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["failures"] == []
    assert report["kills"] == {"repair": KILLS_EACH, "backup": KILLS_EACH, "import": KILLS_EACH}
    # Kills that all come too early, or all too late, show nothing.
    assert all(1 <= count <= KILLS_EACH for count in report["done"].values())
