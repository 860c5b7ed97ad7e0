"""kill -9 at random moments of commit, deploy and rollback: the state is wholly before or wholly after, always."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BATTERY = Path(__file__).with_name("kill_battery.py")
KILLS_EACH = 75


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_kill_leaves_nothing_half_done(tmp_path: Path, seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(BATTERY), str(tmp_path / "project"), str(KILLS_EACH), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["failures"] == []
    assert sum(report["kills"].values()) == KILLS_EACH
    # A battery whose kills all come too early, or all too late, shows nothing.
    assert 0 < sum(report["after"].values()) < KILLS_EACH
