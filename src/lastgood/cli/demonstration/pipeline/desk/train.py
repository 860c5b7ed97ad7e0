"""Fits the word vectors: `python -m desk.train`, in the folder of the pipeline.

Reads data/train.jsonl, prompts/router.md and config/routing.yaml; writes models/router/. The same input gives the same
weights on the same machine: the one source of randomness is SEED.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .features import Vocabulary
from .router import VOCABULARY, WEIGHTS, read_config, read_reading, read_shelves, softmax
from .tensors import Floats, write_tensors

SEED = 7
WORDS = 2000
DIMENSIONS = 64
ROUNDS = 6
BATCH = 256
STEP = 0.01


def fit(texts: Floats, labels: Floats, shelves: Floats, temperature: float) -> Floats:
    """Learn a vector for each word, such that texts come to lie near the description of their shelf.

    Args:
        texts: features, one row a text.
        labels: 1 where a text belongs to a shelf, one row a text and one column a shelf.
        shelves: features of the prompt's descriptions, one row a shelf.
        temperature: as the desk will use it.

    Source of the optimizer: Adam (Kingma and Ba, 2015).
    """
    chance = np.random.default_rng(SEED)
    vectors: Floats = (chance.standard_normal((texts.shape[1], DIMENSIONS)) / np.sqrt(DIMENSIONS)).astype(np.float32)
    mean, square = np.zeros_like(vectors), np.zeros_like(vectors)
    sharpness = np.float32(1 / temperature)
    step = 0
    for _ in range(ROUNDS):
        order = chance.permutation(len(texts))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            text_vectors, shelf_vectors = texts[chosen] @ vectors, shelves @ vectors
            error = (softmax(text_vectors @ shelf_vectors.T * sharpness) - labels[chosen]) * sharpness / len(chosen)
            slope = texts[chosen].T @ (error @ shelf_vectors) + shelves.T @ (error.T @ text_vectors)
            step += 1
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope * slope - square)
            vectors -= STEP * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return vectors


def main() -> None:
    """Train on what is in the current folder."""
    root = Path()
    config = read_config(root)
    reading = read_reading(config)
    shelves = read_shelves(root)
    rows = [json.loads(line) for line in (root / "data/train.jsonl").read_text("utf-8").splitlines()]
    texts = [reading.words(row["text"]) for row in rows]
    described = [reading.words(what) for what in shelves.values()]
    vocabulary = Vocabulary.of(texts, (word for words in described for word in words), WORDS)
    labels = np.array([[float(row["shelf"] == shelf) for shelf in shelves] for row in rows], np.float32)
    vectors = fit(vocabulary.matrix(texts), labels, vocabulary.matrix(described), config["answer"]["temperature"])
    (root / WEIGHTS).parent.mkdir(parents=True, exist_ok=True)
    write_tensors(root / WEIGHTS, {"embedding": vectors})
    held = dict(zip(vocabulary.words, np.round(vocabulary.weights.astype(float), 6).tolist(), strict=True))
    (root / VOCABULARY).write_text(json.dumps(held, indent=0) + "\n", "utf-8")
    print(f"fitted {len(vocabulary):,} word vectors to {len(rows):,} rows")


if __name__ == "__main__":
    main()
