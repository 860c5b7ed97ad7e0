"""Make a golden registry of the format that this version writes: `python tools/golden.py N`.

Writes `tests/golden/registry-N.tar.xz` with a workspace and its registry, and `registry-N.json` with what has to be found
in it for ever. One is made when the format of packs or of the catalog changes, by the last version that writes the old
one; neither file is ever changed afterwards. Every encoding of the format is in it: the script fails if one is not.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import struct
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

import lastgood
from lastgood.api import OpenRegistry
from lastgood.model.changes.releases import Verdict
from lastgood.model.placement import Encoding
from lastgood.registry.checkout import files_of_release
from lastgood.registry.commit import CommitOptions

GOLDEN = Path(__file__).parents[1] / "tests/golden"
ROOT = "support-bot"
LARGEST = 700_000
WORKSPACE = """\
pipeline = "support-bot"

[components.router]
kind = "artifact"
path = "models/"

[components.prompts]
kind = "prompt"
path = "prompts/"

[components.routing]
kind = "config"
path = "config/routing.yaml"

[components.train]
kind = "dataset"
path = "data/train.jsonl"
key = "id"

[components.code]
kind = "code"
path = ["src/", "run.sh"]

[components.llm]
kind = "hosted"
provider = "openai"
model = "gpt-4.1-2025-04-14"

[components.runtime]
kind = "runtime"
lock = "requirements.lock"

[retention]
keep_last = 50
keep_tagged = true
"""


class Bot:
    """The workspace, and what happens to it from release to release."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._chance = np.random.default_rng(2)
        # Numbers of few values, so that the archive stays small; more than a MiB, so that they are read as tensors.
        self._wide = (self._chance.integers(0, 2, 300_000) * 0.25).astype(np.float32)
        self._narrow = self._chance.integers(16_000, 16_002, 600_000).astype(np.uint16)
        self._lines = [f"{number}. A customer who asks about item {number * 7919 % 10_007} is told its price." for number in range(3_000)]

    def begin(self) -> None:
        """Write the first version."""
        self._write("lastgood.toml", WORKSPACE.encode())
        self._write("config/routing.yaml", b"temperature: 0.2\ntop_p: 0.9\n")
        self._write("data/train.jsonl", b"".join(b'{"id": %d, "text": "question %d"}\n' % (one, one % 97) for one in range(2_000)))
        self._write("requirements.lock", b"numpy==2.1.0\n")
        self._write("run.sh", b"#!/bin/sh\nexec python -m src\n")
        (self._root / "run.sh").chmod(0o755)
        self._write("prompts/empty.md", b"")
        self._write("models/noise.bin", self._chance.bytes(40_000))
        for number in range(40):
            self._write(f"src/part_{number:02}.py", f'"""Part {number}."""\n\nVALUE = {number * number}\n'.encode())
        self.train("Answer questions of customers.")

    def train(self, prompt: str) -> None:
        """Change some numbers of the weights, some lines of the policy, and the prompt."""
        for weights, changed in ((self._wide, np.float32(0.75)), (self._narrow, np.uint16(16_003))):
            weights[self._chance.integers(0, len(weights), len(weights) // 200)] = changed
        for number in self._chance.integers(0, len(self._lines), 20):
            self._lines[number] = f"{number}. {prompt}"
        self._write("models/router.safetensors", _safetensors(self._wide, self._narrow))
        self._write("prompts/policy.md", "\n".join(self._lines).encode())
        self._write("prompts/system.md", f"{prompt}\n".encode())

    def _write(self, path: str, data: bytes) -> None:
        place = self._root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _safetensors(wide: npt.NDArray[np.float32], narrow: npt.NDArray[np.uint16]) -> bytes:
    data = wide.tobytes() + narrow.tobytes()
    header = json.dumps(
        {
            "encoder.weight": {"dtype": "F32", "shape": [len(wide)], "data_offsets": [0, wide.nbytes]},
            "decoder.weight": {"dtype": "BF16", "shape": [len(narrow)], "data_offsets": [wide.nbytes, len(data)]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def make(root: Path) -> None:
    """Make the workspace and its registry: four releases, one of them bad, and moves of two environments."""
    bot = Bot(root)
    bot.begin()
    with lastgood.init(root, actor="ada@example.org") as registry:
        registry.commit(root, CommitOptions(message="first", tag="v1.0"))
        registry.environments.deploy("prod", reason="launch")
        bot.train("Be brief.")
        registry.commit(root, message="brief")
        registry.environments.deploy("prod", reason="briefer")
        registry.environments.rollback("prod", reason="too brief")
        registry.releases.mark("r2", Verdict.BAD, "customers complained")
        for words in ("Be warm.", "Be warm and exact."):
            bot.train(words)
            registry.commit(root, message=words)
        registry.environments.deploy("staging", reason="a try")


def facts_of(registry: OpenRegistry) -> dict[str, object]:
    """Return what has to be found in a registry for ever."""
    logged = registry.releases.log()[::-1]
    environments = registry.environments.list()
    return {
        "registry": str(registry.id),
        "releases": [
            {
                "label": one.release.label,
                "release": str(one.release.release),
                "message": one.release.message,
                "author": one.release.author,
                "tags": [str(tag) for tag in one.release.tags],
                "files": _files_of(registry, str(one.release.release)),
            }
            for one in logged
        ],
        "environments": {
            one.name: [f"{stay.deployment.kind.value} r{stay.deployment.number}" for stay in registry.environments.history(one.name)[::-1]]
            for one in environments
        },
    }


def _files_of(registry: OpenRegistry, release: str) -> dict[str, str]:
    manifest = registry.releases.manifest(registry.releases.find(release).release.release)
    found = {
        entry.path: hashlib.sha256(registry.files.read_file(entry.digest)).hexdigest()
        for entry in files_of_release(manifest, registry.files)
    }
    return dict(sorted(found.items()))


def _require_every_encoding(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as opened:
        known = {row[0] for row in opened.execute("SELECT DISTINCT encoding FROM index_frames")}
        deepest = opened.execute("SELECT max(depth) FROM index_deltas WHERE context IS NOT NULL").fetchone()[0]
    if known != set(Encoding) or not deepest:
        sys.exit(f"this registry has the encodings {sorted(known)} and the depth {deepest}; it would not show the others")


def main(number: int) -> None:
    """Write both files of one golden registry."""
    archive = GOLDEN / f"registry-{number}.tar.xz"
    if archive.exists():
        sys.exit(f"{archive} is there already, and is never changed")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / ROOT
        root.mkdir()
        make(root)
        _require_every_encoding(root / ".lastgood/catalog.db")
        with lastgood.open(root) as registry:
            facts = facts_of(registry)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as tar:
            tar.add(root, ROOT, filter=_plain)
    if packed.tell() > LARGEST:
        sys.exit(f"it has {packed.tell():,} bytes, more than the {LARGEST:,} that are kept in history for ever")
    archive.write_bytes(packed.getvalue())
    archive.with_name(f"registry-{number}.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    print(f"{archive}: {packed.tell():,} bytes")


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if info.name.endswith("stat-cache") else info.replace(uid=0, gid=0, uname="", gname="", deep=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
