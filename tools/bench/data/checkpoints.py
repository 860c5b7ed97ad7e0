"""The series of checkpoints: one fine-tuning run of MiniLM and what a team would keep of it.

    fp32       11 versions, ten steps apart: in 1-7 every layer trains, in 8-11 only the layers 4 and 5 do
    bf16       the same 11, exported as bfloat16
    two_layer  the last five of fp32 again (hard links): only two layers change
    adam       6 versions of what a run goes on from: weights, both moments of Adam, the step; torch.save into one file
    harsh      4 versions on a broad text, at a learning rate five times higher, a hundred steps apart
    depth      50 versions of another run, ten steps apart: made only when it is asked for
    large      2 versions of a file of 1 GB: an ensemble of 11 runs with other classes each, after ten and after twenty steps

Everything is drawn from fixed seeds, and torch is held to one number of threads, so one machine makes the same bytes
on every run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from tools.bench.data import weights
from tools.bench.data.finetune import LEARNING_RATE, FewShot, Neighbours, Run
from tools.bench.data.minilm import Encoder

STEPS_BETWEEN = 10
TRAINED_LAST = ("encoder.layer.4.", "encoder.layer.5.")
FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Size:
    """How many versions, steps and members a series has; the quick form has fewer."""

    full: int = 7
    two_layer: int = 4
    adam: int = 6
    harsh: int = 4
    harsh_steps: int = 100
    members: int = 11
    depth: int = 50


QUICK = Size(full=2, two_layer=1, adam=2, harsh=2, harsh_steps=10, members=2, depth=3)


def version(series: Path, number: int) -> Path:
    """Name the folder of a version, counted from 1, and make it."""
    folder = series / f"v{number:02}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_fine_tunes(model: Path, into: dict[str, Path], size: Size) -> None:
    """Write fp32, bf16, adam and two_layer, which are one run."""
    _hold_still()
    run = Run(Encoder.read(model), FewShot(), seed=1)
    for number in range(1, size.full + size.two_layer + 1):
        if number == size.full + 1:
            run.train_only(*TRAINED_LAST)
        run.advance(STEPS_BETWEEN)
        file = version(into["fp32"], number) / FILE
        weights.write(file, run.encoder.tensors)
        weights.write(version(into["bf16"], number) / FILE, weights.as_bf16(run.encoder.tensors))
        if number <= size.adam:
            torch.save(run.checkpoint(), version(into["adam"], number) / "checkpoint.pt")
        if number >= size.full:
            os.link(file, version(into["two_layer"], number - size.full + 1) / FILE)


def make_harsh(model: Path, into: dict[str, Path], size: Size) -> None:
    """Write harsh."""
    _hold_still()
    run = Run(Encoder.read(model), Neighbours(), seed=2, rate=5 * LEARNING_RATE)
    for number in range(1, size.harsh + 1):
        run.advance(size.harsh_steps)
        weights.write(version(into["harsh"], number) / FILE, run.encoder.tensors)


def make_depth(model: Path, into: dict[str, Path], size: Size) -> None:
    """Write depth."""
    _hold_still()
    run = Run(Encoder.read(model), FewShot(), seed=3)
    for number in range(1, size.depth + 1):
        run.advance(STEPS_BETWEEN)
        weights.write(version(into["depth"], number) / FILE, run.encoder.tensors)


def make_large(model: Path, into: dict[str, Path], size: Size) -> None:
    """Write large: real weights in every byte, and no two members alike."""
    _hold_still()
    versions: tuple[dict[str, torch.Tensor], ...] = ({}, {})
    for member in range(size.members):
        run = Run(Encoder.read(model), FewShot(), seed=100 + member)
        for kept in versions:
            run.advance(STEPS_BETWEEN)
            kept.update({f"member.{member:02}.{name}": tensor.detach().clone() for name, tensor in run.encoder.tensors.items()})
    for number, kept in enumerate(versions, 1):
        weights.write(version(into["large"], number) / "ensemble.safetensors", kept)


def _hold_still() -> None:
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(mode=True)
