"""MiniLM-L6-H384, the sentence encoder, as a function of its tensors: six BERT layers, then the mean over the tokens.

Written out rather than taken from a library of models: sixty lines, and nothing to install but torch.

Source: Wang et al., "MiniLM", 2020; Devlin et al., "BERT", 2019; Reimers and Gurevych, "Sentence-BERT", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from tools.bench.data import weights
from tools.bench.data.wordpiece import WordPiece

LAYERS, HEADS, HIDDEN = 6, 12, 384
_NORM_EPSILON = 1e-12
_DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class Encoder:
    """The weights by name, and the vocabulary."""

    tensors: dict[str, torch.Tensor]
    vocabulary: WordPiece

    @classmethod
    def read(cls, folder: Path) -> Encoder:
        """Read a model's folder: `model.safetensors` and `vocab.txt`."""
        return cls(weights.read(folder / "model.safetensors"), WordPiece.read(folder / "vocab.txt"))

    def embed(self, texts: list[str], *, longest: int = 64, training: bool = False) -> torch.Tensor:
        """Return one vector of length 1 a text: float32 of shape (texts, 384)."""
        tokens = [torch.tensor(self.vocabulary.encode(text, longest)) for text in texts]
        ids = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True)
        real = torch.nn.utils.rnn.pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in tokens], batch_first=True)
        hidden = self._embeddings(ids, training=training)
        for layer in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, real, training=training)
        share = real.unsqueeze(-1).float()
        return functional.normalize((hidden * share).sum(1) / share.sum(1))

    def _embeddings(self, ids: torch.Tensor, *, training: bool) -> torch.Tensor:
        table = self.tensors
        words = functional.embedding(ids, table["embeddings.word_embeddings.weight"], padding_idx=0)
        places = table["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kind = table["embeddings.token_type_embeddings.weight"][0]
        return functional.dropout(self._norm("embeddings", words + places + kind), _DROPOUT, training)

    def _layer(self, name: str, hidden: torch.Tensor, real: torch.Tensor, *, training: bool) -> torch.Tensor:
        query, key, value = (_by_head(self._linear(f"{name}.attention.self.{part}", hidden)) for part in ("query", "key", "value"))
        scores = (query @ key.transpose(-1, -2)) / (HIDDEN / HEADS) ** 0.5
        scores = scores.masked_fill(~real[:, None, None, :], float("-inf"))
        shares = functional.dropout(scores.softmax(-1), _DROPOUT, training)
        mixed = (shares @ value).transpose(1, 2).flatten(2)
        mixed = functional.dropout(self._linear(f"{name}.attention.output.dense", mixed), _DROPOUT, training)
        hidden = self._norm(f"{name}.attention.output", hidden + mixed)
        wide = functional.gelu(self._linear(f"{name}.intermediate.dense", hidden))
        narrow = functional.dropout(self._linear(f"{name}.output.dense", wide), _DROPOUT, training)
        return self._norm(f"{name}.output", hidden + narrow)

    def _linear(self, name: str, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(hidden, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _norm(self, name: str, hidden: torch.Tensor) -> torch.Tensor:
        scale, shift = self.tensors[f"{name}.LayerNorm.weight"], self.tensors[f"{name}.LayerNorm.bias"]
        return functional.layer_norm(hidden, (HIDDEN,), scale, shift, _NORM_EPSILON)


def _by_head(hidden: torch.Tensor) -> torch.Tensor:
    """Turn (texts, tokens, hidden) into (texts, heads, tokens, hidden of a head)."""
    return hidden.unflatten(-1, (HEADS, HIDDEN // HEADS)).transpose(1, 2)
