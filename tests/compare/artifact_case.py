"""A golden case of comparing artifacts: files before and after, and the sentence that they give.

Case("two layers", one("model.safetensors", old, new), "only layers 4 and 5 changed (relative L2 0.5 and 0.25)").check()
"""

from __future__ import annotations

from dataclasses import dataclass

from lastgood.canonical import canonical_json
from lastgood.compare.change import Change, ComponentChange
from lastgood.compare.ranking import COSMETIC
from lastgood.model.component import Kind
from tests.compare.models import Model, saved
from tests.compare.sides import Files, compare_files_of

WEIGHTS = "models/router/model.safetensors"


def weights(old: Model, new: Model) -> tuple[Files, Files]:
    return {WEIGHTS: saved(old)}, {WEIGHTS: saved(new)}


def one(path: str, old: str | bytes, new: str | bytes) -> tuple[Files, Files]:
    return {path: old}, {path: new}


@dataclass(frozen=True)
class Case:
    """What a case is called, both sides, how its summary begins, and whether it is cosmetic."""

    name: str
    files: tuple[Files, Files]
    summary: str
    cosmetic: bool = False

    def check(self) -> ComponentChange:
        change = compare_files_of(Kind.ARTIFACT, *self.files)
        assert change.change is Change.CHANGED
        assert change.summary[: len(self.summary)] == self.summary
        assert (change.rank >= COSMETIC) == self.cosmetic
        canonical_json(change.to_json())
        for detail in change.details:
            assert list(detail.shown(everything=True))
            assert list(detail.shown())
        return change
