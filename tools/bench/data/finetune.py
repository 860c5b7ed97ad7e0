"""Fine-tuning as it is done: pairs of neighbouring sentences, the others of the batch as negatives, AdamW.

What matters to a store is how far the floats move between two checkpoints: the learning rate, and the steps in between.
The loss is the usual one of sentence encoders: cross-entropy over twenty times the cosine.

Source: Henderson et al., "Efficient natural language response suggestion", 2017 (the loss); Loshchilov and Hutter,
"Decoupled weight decay regularization", 2019 (AdamW).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch.nn import functional

from tools.bench.data import text
from tools.bench.data.minilm import Encoder

LEARNING_RATE = 2e-5
BATCH = 16
TOKENS = 48
_SCALE = 20.0
_PACKAGES = ("numpy", "torch/nn", "torch/optim", "torch/distributions")


def pairs() -> list[tuple[str, str]]:
    """Return neighbouring sentences of docstrings: the same list on every run."""
    return [pair for one in text.sentences(_PACKAGES) for pair in pairwise(one)]


@dataclass(slots=True)
class Run:
    """A training run: the model, which of its tensors move, the optimizer and the order of the data."""

    encoder: Encoder
    seed: int
    rate: float = LEARNING_RATE
    step: int = 0
    optimizer: torch.optim.AdamW = field(init=False)
    _batches: Iterator[list[tuple[str, str]]] = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self._batches = _endless_batches(self.seed)
        self.train_only("")

    def train_only(self, *beginnings: str) -> None:
        """Go on with those tensors alone whose names begin so, and with a fresh optimizer, as one does after freezing."""
        for name, tensor in self.encoder.tensors.items():
            # The pooler takes no part in the mean over the tokens, so it never has a gradient and never moves.
            moves = tensor.is_floating_point() and name.startswith(beginnings) and not name.startswith("pooler.")
            tensor.grad = None
            tensor.requires_grad_(moves)
        self.optimizer = torch.optim.AdamW([one for one in self.encoder.tensors.values() if one.requires_grad], lr=self.rate)

    def advance(self, steps: int) -> None:
        """Take some steps."""
        for _ in range(steps):
            batch = next(self._batches)
            one = self.encoder.embed([first for first, _ in batch], longest=TOKENS, training=True)
            other = self.encoder.embed([second for _, second in batch], longest=TOKENS, training=True)
            loss = functional.cross_entropy(_SCALE * one @ other.T, torch.arange(len(batch)))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1

    def checkpoint(self) -> dict[str, object]:
        """Return what a training script saves to go on from: the weights, the optimizer, the step."""
        model = {name: tensor.detach() for name, tensor in self.encoder.tensors.items()}
        return {"model": model, "optimizer": self.optimizer.state_dict(), "step": self.step}


def _endless_batches(seed: int) -> Iterator[list[tuple[str, str]]]:
    draw = random.Random(seed)
    data = pairs()
    while True:
        draw.shuffle(data)
        for begin in range(0, len(data) - BATCH + 1, BATCH):
            yield data[begin : begin + BATCH]
