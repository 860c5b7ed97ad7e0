"""Fine-tuning as it is done: AdamW on a batch of 16 pairs of sentences, in one of two tasks.

What matters to a store is how far the floats move between two checkpoints (the learning rate, and the steps in between),
and how many rows of the word table move at all: those of the words that the texts have.

`FewShot` is what this model is mostly fine-tuned for: sentences of some classes, eight each; a pair is of one class or of
two, and the loss is the square of what its cosine is off. The classes are modules of the standard library, the sentences
those of their docstrings. `Neighbours` reads broadly: two sentences that follow each other in any docstring belong
together, the others of the batch do not, and the loss is cross-entropy over twenty times the cosine.

Sources: Tunstall et al., "Efficient few-shot learning without prompts", 2022 (the first task); Henderson et al.,
"Efficient natural language response suggestion", 2017 (the second); Loshchilov and Hutter, "Decoupled weight decay
regularization", 2019 (AdamW).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import torch
from torch.nn import functional

from tools.bench.data import text
from tools.bench.data.minilm import Encoder

LEARNING_RATE = 2e-5
BATCH = 16
TOKENS = 48
_PACKAGES = ("numpy", "torch/nn", "torch/optim", "torch/distributions")

Pair = tuple[str, str]


class Task(Protocol):
    """What is learned: a loss, batch after batch."""

    def losses(self, encoder: Encoder, draw: random.Random) -> Iterator[torch.Tensor]:
        """Return the loss of one batch after the other, without end."""


@dataclass(frozen=True, slots=True)
class FewShot:
    """Sentences of some classes: those of a class closer to each other than to the rest."""

    classes: int = 16
    sentences: int = 8

    def losses(self, encoder: Encoder, draw: random.Random) -> Iterator[torch.Tensor]:
        """Draw as many pairs of one class as of two."""
        known = text.sentences_by_module(fewest=5 * self.sentences)
        examples = [draw.sample(known[name], self.sentences) for name in draw.sample(sorted(known), self.classes)]
        wanted = torch.tensor([1.0, 0.0] * (BATCH // 2))
        while True:
            pairs: list[Pair] = []
            for _ in range(BATCH // 2):
                one, other = draw.sample(examples, 2)
                first, second = draw.sample(one, 2)
                pairs += [(first, second), (draw.choice(one), draw.choice(other))]
            yield functional.mse_loss((_embed(encoder, pairs, 0) * _embed(encoder, pairs, 1)).sum(1), wanted)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Sentences that follow each other, of any text there is."""

    scale: float = 20.0

    def losses(self, encoder: Encoder, draw: random.Random) -> Iterator[torch.Tensor]:
        """Go through all pairs, then again in another order."""
        pairs: list[Pair] = [pair for one in text.sentences(_PACKAGES) for pair in pairwise(one)]
        while True:
            draw.shuffle(pairs)
            for begin in range(0, len(pairs) - BATCH + 1, BATCH):
                batch = pairs[begin : begin + BATCH]
                yield functional.cross_entropy(self.scale * _embed(encoder, batch, 0) @ _embed(encoder, batch, 1).T, torch.arange(BATCH))


def _embed(encoder: Encoder, pairs: list[Pair], side: int) -> torch.Tensor:
    return encoder.embed([pair[side] for pair in pairs], longest=TOKENS, training=True)


@dataclass(slots=True)
class Run:
    """A training run: the model, the task, which of the tensors move, the optimizer."""

    encoder: Encoder
    task: Task
    seed: int
    rate: float = LEARNING_RATE
    step: int = 0
    optimizer: torch.optim.AdamW = field(init=False)
    _losses: Iterator[torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self._losses = self.task.losses(self.encoder, random.Random(self.seed))
        self.train_only("")

    def train_only(self, *beginnings: str) -> None:
        """Go on with those tensors alone whose names begin so, and with a fresh optimizer, as one does after freezing."""
        for name, tensor in self.encoder.tensors.items():
            # The pooler takes no part in the mean over the tokens, so it never has a gradient and never moves.
            moves = tensor.is_floating_point() and name.startswith(beginnings) and not name.startswith("pooler.")
            tensor.grad = None
            tensor.requires_grad_(moves)
        self.optimizer = torch.optim.AdamW([one for one in self.encoder.tensors.values() if one.requires_grad], lr=self.rate)

    def advance(self, steps: int) -> float:
        """Take some steps; return the loss of the last one."""
        last = float("nan")
        for _ in range(steps):
            loss = next(self._losses)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            last = loss.item()
        return last

    def checkpoint(self) -> dict[str, object]:
        """Return what a training script saves to go on from: the weights, the optimizer, the step."""
        model = {name: tensor.detach() for name, tensor in self.encoder.tensors.items()}
        return {"model": model, "optimizer": self.optimizer.state_dict(), "step": self.step}
