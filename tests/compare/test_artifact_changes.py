"""Artifacts: what a person reads when weights changed."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lastgood.compare.artifacts import comparer
from lastgood.compare.change import Note
from lastgood.compare.showing import Line, Table
from lastgood.model.component import Kind
from tests.compare.artifact_case import WEIGHTS, Case, one, weights
from tests.compare.models import bf16, gguf, model, moved, ones, pickled, saved
from tests.compare.sides import compare_files_of
from tests.formats.tensors.files import pickle_of, storage, torch_file

MODEL = model()
QUERY = "encoder.layer.4.attention.self.query.weight"
BIAS = "encoder.layer.4.output.LayerNorm.bias"
Q4_K, Q8_0, F16 = 12, 8, 1
LORA = {
    f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{side}.weight": ones(2, 4) for layer in range(4) for side in ("A", "B")
}
ADAPTED = MODEL | {
    f"encoder.layer.{layer}.attention.self.query.lora_{side}.weight": ones(2, 4) for layer in range(4) for side in ("A", "B")
}
T5 = {f"{stack}.block.{layer}.layer.0.SelfAttention.q.weight": ones(4, 4) for stack in ("encoder", "decoder") for layer in range(3)}


def with_value(name: str, *values: float) -> dict[str, np.ndarray]:
    changed = MODEL[name].copy()
    changed.flat[: len(values)] = values
    return {**MODEL, name: changed}


def renamed(old: str, new: str) -> dict[str, np.ndarray]:
    return {name.replace(old, new): value for name, value in MODEL.items()}


def distinct() -> dict[str, np.ndarray]:
    """A model in which no two tensors have the same bytes."""
    return {name: value + place for place, (name, value) in enumerate(MODEL.items())}


def blocks(kind: int, fill: int = 1) -> tuple[int, tuple[int, ...], bytes]:
    """A quantised tensor of 4 × 256 items."""
    return kind, (4, 256), bytes([fill]) * {Q4_K: 4 * 144, Q8_0: 32 * 34, F16: 2048}[kind]


def quantised(kind: int, fill: int = 1) -> dict[str, tuple[int, tuple[int, ...], bytes]]:
    return {f"blk.{layer}.attn_q.weight": blocks(kind, fill) for layer in range(3)}


TWO = moved(MODEL, {"encoder.layer.4": 0.5, "encoder.layer.5": 0.25})
ALL = moved(MODEL, {f"encoder.layer.{layer}": (layer + 1) / 8 for layer in range(6)})
HEAD = torch_file(pickle_of(storage("FloatStorage", "0", 4), storage("FloatStorage", "1", 2)), {"0": bytes(16), "1": bytes(8)})


TENSORS = (
    Case("two layers", weights(MODEL, TWO), "only layers 4 and 5 changed (relative L2 0.5 and 0.25)"),
    Case("one layer", weights(MODEL, moved(MODEL, {"encoder.layer.4": 0.5})), "only layer 4 changed (relative L2 0.5)"),
    Case(
        "more layers than two",
        weights(MODEL, moved(MODEL, {"encoder.layer.0": 0.5, "encoder.layer.1": 0.5, "encoder.layer.2": 0.5, "encoder.layer.5": 1})),
        "only layers 0 to 2 and 5 changed, most of all layer 5 (relative L2 1)",
    ),
    Case("all layers", weights(MODEL, ALL), "all 6 layers changed, most of all layer 5 (relative L2 0.75)"),
    Case(
        "all layers and the head",
        weights(MODEL, moved(ALL, {"classifier": 2})),
        "all 6 layers and the classifier head changed, most of all classifier head (relative L2 2)",
    ),
    Case(
        "the embeddings",
        weights(MODEL, with_value("embeddings.word_embeddings.weight", 3)),
        "only embeddings.word_embeddings.weight changed (relative L2 0.32, 2.5% of its values)",
    ),
    Case(
        "the head",
        weights({**MODEL, "classifier.bias": ones(2)}, moved({**MODEL, "classifier.bias": ones(2)}, {"classifier": 0.5})),
        "only the classifier head changed (relative L2 0.5)",
    ),
    Case("one value", weights(MODEL, with_value(QUERY, 5)), f"only {QUERY} changed (relative L2 1, 6.2% of its values)"),
    Case(
        "values that are not finite any more come first",
        weights(MODEL, moved(with_value(QUERY, float("nan"), float("nan"), float("inf")), {BIAS: 0.5})),
        f"2 values are NaN now ({QUERY}); 1 value is infinite now ({QUERY}); only layer 4 changed (relative L2 0.24)",
    ),
    Case(
        "values that are finite again",
        weights({"a.weight": np.full(4, np.nan, "f4")}, {"a.weight": ones(4)}),
        "a.weight changed (only in values that are NaN or infinite, 100% of its values); 4 values are no longer NaN (a.weight)",
    ),
    Case(
        "values whose squares no float holds",
        weights({"a.weight": np.full(4, 1e200)}, {"a.weight": np.full(4, 2e200)}),
        "a.weight changed (past what a float holds, 100% of its values)",
    ),
    Case(
        "from zeros", weights({"a.weight": np.zeros(4, "f4")}, {"a.weight": ones(4)}), "a.weight changed (from zeros, 100% of its values)"
    ),
    Case("a tensor added", weights(MODEL, {**MODEL, "classifier.bias": ones(2)}), "classifier.bias added (f32 2)"),
    Case("a tensor removed", weights({**MODEL, "classifier.bias": ones(2)}, MODEL), "classifier.bias removed (f32 2)"),
    Case("layers removed", weights(MODEL, model(4)), "layers 4 and 5 removed (4 tensors)"),
    Case("layers added", weights(model(4), MODEL), "layers 4 and 5 added (4 tensors)"),
    Case(
        "a tensor renamed",
        weights(distinct(), {("score.weight" if name == "classifier.weight" else name): value for name, value in distinct().items()}),
        "classifier.weight renamed to score.weight, the same bytes",
    ),
    Case(
        "all renamed",
        weights(MODEL, renamed("e", "bert.e")),
        "15 tensors renamed, the same bytes (",
    ),
    Case("reshaped", weights(MODEL, {**MODEL, QUERY: ones(2, 8)}), f"{QUERY} reshaped 4×4 → 2×8, the same values"),
    Case(
        "rows added to the embeddings",
        weights(MODEL, {**MODEL, "embeddings.word_embeddings.weight": ones(12, 4)}),
        "embeddings.word_embeddings.weight reshaped 10×4 → 12×4, the rows that both have are the same",
    ),
    Case(
        "kinds changed",
        weights(MODEL, {name: value.astype("f2") for name, value in MODEL.items()}),
        "dtype f32 → f16 for 15 tensors, the same values",
    ),
    Case(
        "kinds changed, with a loss",
        weights({"a.weight": ones(4) / 3}, {"a.weight": bf16(ones(4) / 3)}),
        "dtype f32 → bf16 for a.weight (relative L2 0.0039)",
    ),
    Case(
        "another model",
        weights(MODEL, {"conv.weight": ones(3, 3)}),
        "another model: 15 tensors removed, 1 added (conv.weight)",
    ),
    Case(
        "the file is cut into shards",
        (
            {WEIGHTS: saved(MODEL)},
            {
                "models/router/model-00001-of-00002.safetensors": saved(dict(list(MODEL.items())[:6])),
                "models/router/model-00002-of-00002.safetensors": saved(dict(list(MODEL.items())[6:])),
            },
        ),
        "identical tensors in another file layout (1 file → 2); 3 files: 2 added, 1 removed (model-00001-of-00002.safetensors, "
        "model-00002-of-00002.safetensors, model.safetensors)",
        cosmetic=True,
    ),
    Case(
        "tensors move between shards",
        (
            {"1.safetensors": saved(dict(list(MODEL.items())[:6])), "2.safetensors": saved(dict(list(MODEL.items())[6:]))},
            {"1.safetensors": saved(dict(list(MODEL.items())[:8])), "2.safetensors": saved(dict(list(MODEL.items())[8:]))},
        ),
        "identical tensors in another file layout (2 files → 2)",
        cosmetic=True,
    ),
    Case(
        "a layer of one of many shards",
        one("model-00002-of-00003.safetensors", saved(MODEL), saved(ALL)),
        "only layers 0 to 5 changed, most of all layer 5 (relative L2 0.75)",
    ),
    Case(
        "nothing but what training left in the header",
        one(WEIGHTS, saved(MODEL, {"format": "pt", "step": "1"}), saved(MODEL, {"format": "pt", "step": "2"})),
        'same tensors, only metadata changed; step: "1" → "2"',
        cosmetic=True,
    ),
    Case(
        "nothing but the order in the file",
        weights(MODEL, dict(reversed(list(MODEL.items())))),
        "identical tensors, laid out in another way in the file",
        cosmetic=True,
    ),
    Case(
        "a prefix came to all names, and two layers changed",
        weights(MODEL, {f"bert.{name}": value for name, value in TWO.items()}),
        "only layers 4 and 5 changed (relative L2 0.5 and 0.25); 11 tensors renamed, the same bytes (classifier.weight → "
        "bert.classifier.weight, …)",
    ),
    Case(
        "PyTorch's names of tensors",
        one("m/pytorch_model.bin", pickled(MODEL), pickled(TWO)),
        "only layers 4 and 5 changed (relative L2 0.5 and 0.25)",
    ),
    Case(
        "PyTorch's file written as safetensors",
        ({"m/pytorch_model.bin": pickled(MODEL)}, {"m/model.safetensors": saved(TWO)}),
        "only layers 4 and 5 changed (relative L2 0.5 and 0.25); format PyTorch → safetensors; 2 files: 1 added, 1 removed",
    ),
    Case(
        "an encoder and a decoder",
        weights(T5, moved(T5, {"encoder.block.1": 0.5, "decoder.block.0": 0.25, "decoder.block.1": 0.25})),
        "only layers 0 and 1 of decoder.block and layer 1 of encoder.block changed, most of all layer 1 of encoder.block (relative L2 0.5)",
    ),
    Case(
        "integers",
        weights({"ids": np.array([1, 2, 2**62], "i8")}, {"ids": np.array([1, 2, 2**62 + 1], "i8")}),
        "ids changed (relative L2 2.2e-19, 33.3% of its values)",
    ),
    Case(
        "an adapter",
        weights(LORA, moved(LORA, {"base_model.model.model.layers.2": 0.5, "base_model.model.model.layers.3": 0.25})),
        "only layers 2 and 3 of the LoRA adapter changed (relative L2 0.5 and 0.25)",
    ),
    Case(
        "an adapter in a model",
        weights(ADAPTED, moved(ADAPTED, {"encoder.layer.1.attention.self.query.lora": 0.5})),
        "only the LoRA matrices of layer 1 changed (relative L2 0.5)",
    ),
    Case("quantised", one("m.gguf", gguf(quantised(F16)), gguf(quantised(Q4_K))), "quantised: f16 → q4_k for 3 tensors"),
    Case("quantised in another way", one("m.gguf", gguf(quantised(Q8_0)), gguf(quantised(Q4_K))), "quantisation q8_0 → q4_k for 3 tensors"),
    Case(
        "quantised blocks",
        one("m.gguf", gguf(quantised(Q4_K)), gguf({**quantised(Q4_K), "blk.1.attn_q.weight": blocks(Q4_K, 2)})),
        "only blk.1.attn_q.weight changed (100% of its blocks)",
    ),
    Case(
        "what GGUF says of a model",
        one("m.gguf", gguf(quantised(F16), {"llama.context_length": 4096}), gguf(quantised(F16), {"llama.context_length": 8192})),
        "llama.context_length: 4096 → 8192",
    ),
    Case(
        "GGUF under another name",
        ({"m-f16.gguf": gguf(quantised(F16), {"general.name": "a"})}, {"m-q4_k.gguf": gguf(quantised(Q4_K), {"general.name": "b"})}),
        'quantised: f16 → q4_k for 3 tensors; general.name: "a" → "b"; 2 files: 1 added, 1 removed (m-q4_k.gguf, m-f16.gguf)',
    ),
    Case(
        "storages of PyTorch",
        one("pytorch_model.bin", HEAD, HEAD.replace(bytes(16), struct.pack("<4f", 1, 0, 0, 0), 1)),
        "only data/0 changed (from zeros, 25.0% of its values)",
    ),
)


@pytest.mark.parametrize("case", TENSORS, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    case.check()


def test_the_tables_have_the_furthest_first_and_are_cut() -> None:
    change = compare_files_of(Kind.ARTIFACT, *weights(MODEL, ALL))
    layers, tensors = change.details
    (table,) = layers.shown()
    assert isinstance(table, Table)
    assert table.headers == ("layer", "tensors", "relative L2", "cosine", "max |Δ|", "changed")
    assert table.rows[0] == ("layer 5", "2 of 2", "0.75", "1.0000", "0.75", "100%")
    assert [row[0] for row in table.rows] == [f"layer {number}" for number in (5, 4, 3, 2, 1, 0)]
    short, more = tensors.shown()
    assert isinstance(short, Table)
    assert isinstance(more, Line)
    assert [span.text for span in more.spans] == ["… and 7 more tensors; --all shows them"]
    (whole,) = tensors.shown(everything=True)
    assert isinstance(whole, Table)
    assert whole.rows[: len(short.rows)] == short.rows
    assert len(whole.rows) == 12


def test_what_is_not_a_number_stands_on_a_line_of_its_own() -> None:
    new = {**moved(MODEL, {BIAS: 1}), "classifier.weight": ones(2, 4, dtype="f2"), "classifier.bias": ones(2)}
    del new["pooler.dense.weight"]
    change = compare_files_of(Kind.ARTIFACT, *weights(MODEL, new))
    lines = ["".join(span.text for span in block.spans) for one in change.details for block in one.shown() if isinstance(block, Line)]
    assert lines == [
        "classifier.weight: f32 → f16 (the same values)",
        "removed pooler.dense.weight (f32 4×4)",
        "added classifier.bias (f32 2)",
    ]


def test_more_tensors_than_are_compared_are_said_not_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparer, "MOST_TENSORS", 7)
    change = compare_files_of(Kind.ARTIFACT, *weights(MODEL, TWO))
    assert change.summary.endswith("more than 7 tensors differ: compared by its digest only")
    monkeypatch.setattr(comparer, "MOST_FILES", 1)
    change = compare_files_of(Kind.ARTIFACT, {"a": b"\0", "b": b"\0"}, {"a": b"\1", "b": b"\1"})
    assert [detail.text for detail in change.details if isinstance(detail, Note) and detail.path == "b"] == [
        "it is one of more than 1 files that differ: compared by its digest only"
    ]
