"""The environment of the bench, and the programs it is measured beside: made where they can be, else said to be absent.

The environment is `build/bench-venv`, apart from the one that lastgood is developed in: torch, pyarrow, matplotlib and
the peers that come as Python packages, as `requirements/bench.in` pins them. The others come with apt-get, where that is
ours to call. What cannot be had is absent from the results, and never replaced.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.bench.clock import Command

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "bench.in"
VENV = ROOT / "build" / "bench-venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
_STAMP = VENV / "installed"

# A program, and the Debian package that carries it.
_SYSTEM_PARTS = {"restic": "restic", "borg": "borgbackup", "git-lfs": "git-lfs", "git": "git"}


def version_of(command: Command) -> str | None:
    """Return the first line that a program says of itself; `None` where it is not there."""
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.partition("\n")[0].strip()


def package_version(package: str) -> str | None:
    """Return the name and the version of a package in the environment of the bench; `None` where it is not there."""
    found = version_of([PYTHON, "-c", f"import importlib.metadata as found; print(found.version({package!r}))"])
    return found and f"{package} {found}"


def make_environment() -> None:
    """Make the environment, unless it is there and holds what is pinned."""
    wanted = REQUIREMENTS.read_text()
    if _STAMP.is_file() and _STAMP.read_text() == wanted:
        return
    _say(f"making {VENV.relative_to(ROOT)}: torch and the peers; this takes some minutes, once")
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--quiet"]
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    # Written last: an environment that was interrupted is made again.
    _STAMP.write_text(wanted)


def install_programs() -> None:
    """Install the peers that the system carries, as root on Debian and its kin; elsewhere say what to type."""
    missing = [package for program, package in _SYSTEM_PARTS.items() if shutil.which(program) is None]
    if not missing:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        _say(f"absent from the bench: {' '.join(missing)}; on Debian and Ubuntu: sudo apt-get install {' '.join(missing)}")
        return
    _say(f"installing {' '.join(missing)} with apt-get")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
    subprocess.run(apt, check=False, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def make_series(folder: Path, names: list[str], model: Path, *, quick: bool) -> None:
    """Make the bytes that are measured, where they are not there yet, in the environment of the bench."""
    command: list[str | Path] = [PYTHON, "-m", "tools.bench.data", folder, "--model", model, "--only", ",".join(names)]
    subprocess.run([*command, *(["--quick"] if quick else [])], cwd=ROOT, check=True)


def draw_plot(results: Path, plot: Path) -> None:
    """Draw the results, in the environment of the bench."""
    subprocess.run([PYTHON, "-m", "tools.bench.plot", results, plot], cwd=ROOT, check=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
