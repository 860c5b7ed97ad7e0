"""The desk itself: a prompt, a config and weights in; an answer out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .features import Reading, Vocabulary
from .tensors import Floats, read_tensors

PROMPT = "prompts/router.md"
CONFIG = "config/routing.yaml"
WEIGHTS = "models/router/embedding.safetensors"
VOCABULARY = "models/router/vocabulary.json"

_SHELF = re.compile(r"^- (\w+): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """Where a question goes, and how sure the desk is of the best shelf, from 0 to 1."""

    shelf: str
    confidence: float


def read_shelves(root: Path) -> dict[str, str]:
    """Read the shelves from the prompt: a line `- name: what belongs there` each."""
    return dict(_SHELF.findall((root / PROMPT).read_text("utf-8")))


def read_config(root: Path) -> dict[str, Any]:
    """Read config/routing.yaml."""
    config: dict[str, Any] = yaml.safe_load((root / CONFIG).read_text("utf-8"))
    return config


def read_reading(config: dict[str, Any]) -> Reading:
    """Return how texts are cut into words."""
    features = config["features"]
    return Reading(features["lowercase"], features["shortest_word"], frozenset(features["stop_words"]))


def softmax(scores: Floats) -> Floats:
    """Turn the scores in each row into shares of one."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


class Router:
    """The desk as the files of one release make it."""

    def __init__(self, root: Path) -> None:
        config = read_config(root)
        shelves = read_shelves(root)
        self._answer = config["answer"]
        self._reading = read_reading(config)
        self._vocabulary = Vocabulary(**_vocabulary_file(root))
        self._embedding = read_tensors(root / WEIGHTS)["embedding"]
        self._shelves = list(shelves)
        self._shelf_vectors = np.stack([self._vector(what) for what in shelves.values()])

    def answer(self, text: str) -> Answer:
        """Send a question to a shelf, or hand it over."""
        shares = softmax(self._shelf_vectors @ self._vector(text) / self._answer["temperature"])
        best = int(shares.argmax())
        confidence = float(shares[best])
        if confidence < self._answer["threshold"]:
            return Answer(self._answer["hand_over_to"], confidence)
        return Answer(self._shelves[best], confidence)

    def _vector(self, text: str) -> Floats:
        places, amounts = self._vocabulary.features(self._reading.words(text))
        vector: Floats = amounts @ self._embedding[places]
        return vector


def _vocabulary_file(root: Path) -> dict[str, Any]:
    held = json.loads((root / VOCABULARY).read_text("utf-8"))
    return {"words": list(held), "weights": np.array(list(held.values()), np.float32)}
