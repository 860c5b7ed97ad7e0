"""Blame on real weights: after two layers of MiniLM were changed, their tensors are of that release and all others of the first."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from tests.cli.commands import Desk

WORKSPACE = 'pipeline = "bot"\n\n[components.minilm]\nkind = "artifact"\npath = "model/"\n'


@pytest.fixture
def trained(minilm: Path, tmp_path: Path) -> Desk:
    """A workspace with real weights as r1, and as r2 with other numbers in two of the layers."""
    desk = Desk(tmp_path / "bot")
    shutil.copytree(minilm, desk.root / "model")
    desk.write("lastgood.toml", WORKSPACE)
    desk.tell("init")
    desk.tell("commit", "-m", "as it was published")
    (weights,) = (desk.root / "model").rglob("*.safetensors")
    data = bytearray(weights.read_bytes())
    start = 8 + struct.unpack_from("<Q", data)[0]
    for name, tensor in json.loads(data[8:start]).items():
        if ".layer.4." in name or ".layer.5." in name:
            first = start + tensor["data_offsets"][0]
            data[first] ^= 1
    weights.chmod(0o600)
    weights.write_bytes(data)
    desk.tell("commit", "-m", "two layers")
    return desk


def test_two_layers_are_of_the_release_that_changed_them(trained: Desk) -> None:
    (path,) = (one.relative_to(trained.root) for one in (trained.root / "model").rglob("*.safetensors"))
    lines = trained.ask("blame", f"minilm/{path}")["lines"]

    assert len(lines) > 100
    for one in lines:
        changed = ".layer.4." in one["tensor"] or ".layer.5." in one["tensor"]
        assert one["number"] == (2 if changed else 1), one["tensor"]
    said = trained.tell("blame", f"minilm/{path}").out.splitlines()
    assert [line.split("  ")[0] for line in said] == [str(path), "layers 4-5", "all others"]
