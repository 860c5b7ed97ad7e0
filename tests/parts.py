"""What a test needs from outside Python: a program, a service, real data.

    def test_a_release_of_last_week(faketime: Path) -> None: ...

Rule: what is missing is a skip on somebody's machine and a failure in CI, so that a green CI says that everything ran.
"""

from __future__ import annotations

import os
import re
import resource
import sys
from pathlib import Path
from typing import Any

import pytest


def need(condition: Any, what: str) -> None:  # noqa: ANN401 - anything that is true or false
    """Go on only where something is there: skip without it, or fail where CI=true.

    Args:
        condition: true when it is there.
        what: names it, with how to get it.
    """
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to have {what}", pytrace=False)
    pytest.skip(f"needs {what}")


def peak_kilobytes() -> int:
    """Return the most memory that this process has had, in KiB.

    Linux hands `ru_maxrss` on from whoever started a process, so there the process's own high-water mark is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
