"""On a file system that shares extents, the cache costs no copy: a real one, in a file, mounted for a test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.registry import file_copy
from tests.checkout.shelf import LARGE, Shelf

FORMATS = {"btrfs": ["mkfs.btrfs", "-q"], "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"]}


@pytest.fixture(params=FORMATS)
def sharing(request: pytest.FixtureRequest, built: Path, tmp_path: Path) -> Iterator[Shelf]:
    """A registry on a file system with reflinks; not every machine has its tools, and without them a copy is made."""
    image, place = tmp_path / "image", tmp_path / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    try:
        subprocess.run([*FORMATS[request.param], image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no {request.param} can be made here: {error}")
    try:
        yield Shelf(Path(shutil.copytree(built, place / "bot")))
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_checkout_from_the_cache_moves_no_byte(sharing: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sharing.checkout()
    monkeypatch.setattr(file_copy, "copy_range", lambda *_: pytest.fail("bytes were copied"))
    assert sharing.checkout().from_cache == len(LARGE)
    # Elsewhere there is nothing to share.
    with pytest.raises(pytest.fail.Exception):
        sharing.checkout(to=tmp_path / "elsewhere")


def test_a_write_to_a_checkout_is_its_own(sharing: Shelf) -> None:
    out = sharing.root.parent / "mine"
    sharing.checkout()
    sharing.checkout(to=out)
    (out / "models/a.bin").write_bytes(b"mine")
    assert sharing.checkout(verify=True).from_cache == len(LARGE)
