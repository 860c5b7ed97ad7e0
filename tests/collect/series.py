"""Made-up files: noise, text that is edited, and weights that drift, so that deltas stand on one another."""

from __future__ import annotations

import io

import numpy as np

NUMBERS = 270_000
"""Just above a mebibyte: smaller files are not laid out as tensors."""


def noise(seed: int, length: int = 3_000) -> bytes:
    """Return bytes that resemble nothing."""
    return np.random.default_rng(seed).bytes(length)


def text(seed: int, version: int) -> bytes:
    """Return 100 kB of text, of which each version changes a few lines."""
    lines = [f"{seed} line {number} says {number * 7919 % 100_003}" for number in range(4_000)]
    for step in range(version):
        lines[step * 37 % 4_000] = f"{seed} edited in step {step}"
    return "\n".join(lines).encode()


def weights(seed: int, version: int) -> bytes:
    """Return an array that moves a little with each version."""
    rng = np.random.default_rng(seed)
    array = rng.normal(size=NUMBERS).astype("f4")
    for step in range(version):
        array += np.random.default_rng((seed, step)).normal(size=NUMBERS).astype("f4") * np.float32(1e-4)
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()
