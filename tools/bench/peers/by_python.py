"""What has no program of its own, and is driven by `scripts` in the bench's environment: hf_xet and ZipNN. And `cp`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.clock import Command
from tools.bench.peers.base import WORKSPACE, Repository, Series
from tools.bench.setup import PYTHON, package_version

_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Xet(Repository):
    """hf_xet, which the Hugging Face Hub stores by, against a folder in the place of the Hub.

    The folder counts, and the list of file hashes that the Hub would keep; its local caches do not.
    """

    name: str = "hf_xet"

    def version(self) -> str | None:
        """Look into the environment."""
        return package_version("hf-xet")

    def prepare(self, place: Path, series: Series) -> None:
        """Make the folder."""
        (place / "store").mkdir()

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Upload."""
        return [[PYTHON, _SCRIPTS / "xet.py", "commit", WORKSPACE, "store", str(number)]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Download."""
        return [[PYTHON, _SCRIPTS / "xet.py", "restore", f"out/{WORKSPACE}", "store", str(number)]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore, and the cache of chunks."""
        shutil.rmtree(place / "out", ignore_errors=True)
        shutil.rmtree(place / "hub", ignore_errors=True)

    def environment(self, place: Path) -> Mapping[str, str]:
        """Keep its caches in the place."""
        return {**Repository.environment(self, place), "HF_HOME": str(place / "hub"), "HF_XET_CACHE": str(place / "hub" / "xet")}


@dataclass(frozen=True, slots=True)
class ZipNN(Repository):
    """ZipNN on every file of every version: the best that one file alone gives."""

    name: str = "ZipNN"

    def version(self) -> str | None:
        """Look into the environment."""
        return package_version("zipnn")

    def suits(self, series: Series) -> bool:
        """Only floats."""
        return series.floats is not None

    def prepare(self, place: Path, series: Series) -> None:
        """Write down which floats."""
        (place / "store").mkdir()
        (place / "floats").write_text(series.floats or "")

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Compress."""
        floats = (place / "floats").read_text()
        return [[PYTHON, _SCRIPTS / "zip_tensors.py", "commit", WORKSPACE, f"store/v{number}", floats]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Decompress."""
        floats = (place / "floats").read_text()
        return [[PYTHON, _SCRIPTS / "zip_tensors.py", "restore", f"out/{WORKSPACE}", f"store/v{number}", floats]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore."""
        shutil.rmtree(place / "out", ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Copy(Repository):
    """`cp` into a new folder for every version: the disk's own speed. A reflink where the file system has them."""

    name: str = "cp"

    def version(self) -> str | None:
        """Say how it copies: it is everywhere."""
        return "cp --recursive --reflink=auto"

    def prepare(self, place: Path, series: Series) -> None:
        """Make the folder."""
        (place / "store").mkdir()

    def commit(self, place: Path, number: int) -> Sequence[Command]:
        """Copy; a version that is there already is written over."""
        return [["cp", "--recursive", "--reflink=auto", "--no-target-directory", WORKSPACE, f"store/v{number}"]]

    def restore(self, place: Path, number: int) -> Sequence[Command]:
        """Copy back."""
        return [["cp", "--recursive", "--reflink=auto", f"store/v{number}", "out"]]

    def before_restore(self, place: Path) -> None:
        """Drop the last restore."""
        shutil.rmtree(place / "out", ignore_errors=True)

    def restored(self, place: Path) -> Path:
        """As a folder of its own."""
        return place / "out"
