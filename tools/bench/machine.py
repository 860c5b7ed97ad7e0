"""The facts about this machine that the numbers depend on; its name and its folders are not among them."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_GIBIBYTE = 1 << 30


def facts(scratch: Path) -> dict[str, str]:
    """Return what to print beside the numbers; the file system is that of the folder the bench works in."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIBIBYTE)} GiB",
        "file system": _file_system(scratch),
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', platform.system())}, kernel {platform.release()}",
        "python": platform.python_version(),
    }


def _field(path: str, name: str) -> str | None:
    lines = Path(path).read_text().splitlines() if Path(path).is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _file_system(folder: Path) -> str:
    """Name the type of the file system that holds a folder: that of the longest mount point above it."""
    if not Path("/proc/mounts").is_file():
        return "unknown"
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above, default=(0, "unknown"))[1]
