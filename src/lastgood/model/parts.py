"""The parts of a component whose bytes may be kept for different times, and which of them were let go.

>>> part_of("checkpoint-500/optimizer.pt"), part_of("checkpoint-500/model.safetensors")
(<Part.OPTIMIZER: 'optimizer'>, <Part.FILES: 'files'>)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from lastgood.ids import ComponentName, ReleaseId


class Part(StrEnum):
    """What of a component: its files, or those of them that are optimizer state and may go sooner."""

    FILES = "files"
    OPTIMIZER = "optimizer"


_OPTIMIZER = re.compile(
    r"(optimizer|optim|scheduler|scaler|rng_state|random_states)([._-].*)?|.*_optim_states\..*|.*\.optim", re.IGNORECASE
)


def part_of(path: str) -> Part:
    """Say which part of an artifact a file is, by the names that trainers give to what is needed to go on training only.

    That is `optimizer.pt`, `optimizer.bin`, `scheduler.pt`, `scaler.pt`, `rng_state_0.pth`, `random_states_0.pkl` (Hugging
    Face's Trainer and Accelerate), `…_optim_states.pt` (DeepSpeed) and names like these.
    """
    return Part.OPTIMIZER if _OPTIMIZER.fullmatch(path.rpartition("/")[2]) else Part.FILES


RemovedPart = tuple[ComponentName, Part]
"""A part of a component of some release that a policy let go."""

Removed = Mapping[ReleaseId, frozenset[RemovedPart]]
"""What was let go, by release."""
