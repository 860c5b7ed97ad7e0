"""Fuzz the readers of tensor files, by hand and for as long as you like: `python tools/fuzz_tensors.py --minutes 60`.

It begins from the committed corpus and the real files beside it, damages them, and checks what `read_tensors` promises of
every file: nothing is raised, a layout keeps its rules, and neither time nor memory is without bound. Where the package
`atheris` can be imported (give it an environment of its own, with `PYTHONPATH=src`) coverage leads the way and new files
that reach further are kept in `--kept`; elsewhere damage is random, from `--seed`. What breaks a promise is kept in
`--findings`, one file each, and the exit code is 1. A finding that was mended belongs into the corpus, which the suite
runs through.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import random
import resource
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from lastgood.formats.tensors import TensorFile, read_tensors

PACKAGE = "lastgood.formats.tensors"
SEEDS = Path(__file__).parents[1] / "tests" / "formats" / "tensors"
SLOWEST = 5.0
MOST_MEMORY = 1 << 30
LONGEST = 1 << 16

Damage = tuple[int, int, int]
"""What to do (modulo the number of kinds), where (modulo the length), and with what 64-bit number."""

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)


class BrokenPromise(AssertionError):
    """A file for which a reader does not do what it promises."""


def check(data: bytes, read: Callable[[BinaryIO, int], TensorFile | None] = read_tensors) -> TensorFile | None:
    """Read the layout of a file; return it if every promise was kept.

    Raises:
        BrokenPromise: one was not.
    """
    began = time.perf_counter()
    file = read(io.BytesIO(data), len(data))
    if time.perf_counter() - began > SLOWEST:
        raise BrokenPromise(f"it took more than {SLOWEST:.0f} seconds")
    if file is None:
        return None
    end = 0
    for one in file.tensors:
        is_placed = end <= one.offset and one.length > 0 and one.offset + one.length <= len(data)
        is_regular = 1 <= one.item_bytes <= 255 and one.length % one.item_bytes == 0 and min(one.shape, default=0) >= 0  # noqa: PLR2004
        if not is_placed or not is_regular:
            raise BrokenPromise(f"a tensor that cannot be: {one}")
        end = one.offset + one.length
    names = {one.name.encode() for one in file.tensors}
    if len(names) < len(file.tensors) or (file.problem is not None and file.tensors) or file.problem == "":
        raise BrokenPromise("two tensors with one name, or tensors of a file that was not understood")
    return file


def damaged(data: bytes, other: bytes, damages: Iterable[Damage]) -> bytes:
    """Return a file with some damage, of which a part may come from another file."""
    whole = bytearray(data)
    for kind, place, number in damages:
        at = place % (len(whole) + 1)
        width = 1 << number % 4
        match kind % 8:
            case 0:
                whole[at : at + 1] = bytes(byte ^ 1 << number % 8 for byte in whole[at : at + 1])
            case 1:
                whole[at : at + width] = struct.pack("<Q", _NUMBERS[number // 4 % len(_NUMBERS)])[:width]
            case 2:
                whole[at : at + width] = struct.pack("<Q", number)[:width]
            case 3:
                del whole[at:]
            case 4:
                del whole[at : at + number % 64]
            case 5:
                start = number % (len(other) + 1)
                whole[at:at] = other[start : start + number // 64 % 64]
            case 6:
                whole[at:] = other[number % (len(other) + 1) :]
            case _:
                whole[at:at] = whole[at : at + number % 64] * (1 + number // 64 % 4)
        del whole[LONGEST:]
    return bytes(whole)


def read_seeds() -> list[bytes]:
    """Return the files to begin from."""
    return [path.read_bytes() for folder in ("corpus", "golden") for path in sorted((SEEDS / folder).iterdir())]


def keep(finding: bytes, error: Exception, folder: Path) -> None:
    """Keep a file that broke a promise."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / sha256(finding).hexdigest()[:16]
    path.write_bytes(finding)
    print(f"{path}: {type(error).__name__}: {error}")


def damage_at_random(seeds: Sequence[bytes], seed: int, until: float, findings: Path) -> int:
    """Try random damage until a time; return how many files broke a promise."""
    source = random.Random(seed)
    tried = found = 0
    while time.monotonic() < until:
        damages = [(source.getrandbits(8), source.getrandbits(32), source.getrandbits(64)) for _ in range(source.randint(1, 6))]
        data = damaged(source.choice(seeds), source.choice(seeds), damages)
        tried += 1
        try:
            check(data)
        except Exception as error:  # noqa: BLE001  # whatever is raised is what is looked for
            found += 1
            keep(data, error, findings)
    print(f"{tried:,} files tried, {found} broke a promise")
    return found


def damage_by_coverage(kept: Path, until: float, findings: Path) -> None:
    """Let atheris lead; it ends the process, with a code that says whether something was found."""
    atheris = importlib.import_module("atheris")
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    with atheris.instrument_imports(include=[PACKAGE]):
        package = importlib.import_module(PACKAGE)
        for path in package.__path__:
            for module in sorted(Path(path).glob("[a-z]*.py")):
                importlib.import_module(f"{PACKAGE}.{module.stem}")
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    seconds = max(int(until - time.monotonic()), 1)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={findings}/",
        f"-timeout={SLOWEST:.0f}",
        "-rss_limit_mb=1024",
    ]
    places = [str(kept), *(str(SEEDS / folder) for folder in ("corpus", "golden"))]
    atheris.Setup([sys.argv[0], *options, *places], lambda data: check(data, package.read_tensors))
    atheris.Fuzz()


def main() -> int:
    """Read the options, fuzz, and return the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of tensor files.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0, help="of random damage")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings"))
    parser.add_argument("--kept", type=Path, default=Path("build/fuzz/kept"))
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    if importlib.util.find_spec("atheris"):
        damage_by_coverage(options.kept, until, options.findings)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    return 1 if damage_at_random(read_seeds(), options.seed, until, options.findings) else 0


if __name__ == "__main__":
    sys.exit(main())
