"""Artifacts: what lies beside tensors, and what is not what it should be."""

from __future__ import annotations

import json

import pytest

from lastgood.compare.change import Note
from tests.compare.artifact_case import WEIGHTS, Case, one
from tests.compare.models import gguf, model, moved, pieces, saved, tokenizer
from tests.formats.tensors.files import safetensors_file

MODEL = model()
TWO = moved(MODEL, {"encoder.layer.4": 0.5, "encoder.layer.5": 0.25})
GGUF = gguf({f"blk.{layer}.attn_q.weight": (1, (4, 256), bytes([1]) * 2048) for layer in range(3)})
ADAPTER = {
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "target_modules": ["q_proj", "v_proj"],
    "base_model_name_or_path": "acme/base-7b",
}

BESIDE = (
    Case(
        "an adapter's config",
        one(
            "a/adapter_config.json",
            json.dumps(ADAPTER),
            json.dumps(ADAPTER | {"r": 16, "lora_alpha": 32, "target_modules": ["v_proj", "k_proj"]}),
        ),
        "LoRA rank 8 → 16, alpha 16 → 32, targets + k_proj, − q_proj",
    ),
    Case(
        "an adapter of another model",
        one("adapter_config.json", json.dumps(ADAPTER), json.dumps(ADAPTER | {"base_model_name_or_path": "acme/base-8b", "bias": "all"})),
        'LoRA base model acme/base-7b → acme/base-8b; adapter_config.json: bias added: "all"',
    ),
    Case(
        "an adapter's targets in another order",
        one("adapter_config.json", json.dumps(ADAPTER), json.dumps(ADAPTER | {"target_modules": ["v_proj", "q_proj"]})),
        "adapter_config.json: only the layout of the file changed",
        cosmetic=True,
    ),
    Case(
        "a vocabulary",
        one("t/vocab.txt", "[PAD]\nthe\na\n", "[PAD]\nthe\nan\nsome\n"),
        'vocab.txt: vocabulary 3 → 4 tokens: "an", "some" added, "a" removed',
    ),
    Case(
        "a tokenizer",
        one(
            "t/tokenizer.json",
            tokenizer({"a": 0, "b": 1, "ab": 2}, {"<pad>": 3}, ("a b",)),
            tokenizer({"a": 0, "b": 2, "ab": 1}, {"<|im_end|>": 3}, ("a b", "ab a"), truncation={"max_length": 512}),
        ),
        'tokenizer.json: vocabulary: 2 with another number or score, merges +1; tokenizer.json: special token "<pad>" removed; '
        'tokenizer.json: special token "<|im_end|>" added; tokenizer.json: truncation added: {"max_length": 512}',
    ),
    Case(
        "pieces of SentencePiece",
        one("t/tokenizer.model", pieces(("<s>", 3), ("a", 1), ("b", 1)), pieces(("<s>", 3), ("a", 1), ("<pad>", 3), ("b", 1))),
        'tokenizer.model: vocabulary 3 → 4 tokens: "<pad>" added, 1 with another number or score; tokenizer.model: special token '
        '"<pad>" added',
    ),
    Case(
        "merges in another order",
        one("merges.txt", "#version: 0.2\na b\nb c\n", "#version: 0.2\nb c\na b\n"),
        "merges.txt: vocabulary: merges in another order",
    ),
    Case(
        "a chat template",
        one("m/chat_template.jinja", "{{ system }}\n", "{{ system }}\nBe brief.\n"),
        'chat_template.jinja: line 2 added: "Be brief."',
    ),
    Case(
        "how it generates",
        one("m/generation_config.json", '{"temperature": 0.2}', '{"temperature": 0.9}'),
        "generation_config.json: temperature: 0.2 → 0.9",
    ),
    Case(
        "special tokens",
        one("m/special_tokens_map.json", '{"pad_token": "[PAD]"}', '{"pad_token": "<pad>"}'),
        'special_tokens_map.json: pad_token: "[PAD]" → "<pad>"',
    ),
    Case(
        "a readme and a licence",
        ({"m/README.md": "One.\n", "m/LICENSE": "MIT\n"}, {"m/README.md": "Two.\n", "m/LICENSE": "BSD\n"}),
        'LICENSE: line 1: "MIT" → "BSD"; README.md: line 1: "One." → "Two."',
        cosmetic=True,
    ),
    Case(
        "weights before what lies beside them",
        ({WEIGHTS: saved(MODEL), "models/router/config.json": '{"a": 1}'}, {WEIGHTS: saved(TWO), "models/router/config.json": '{"a": 2}'}),
        "only layers 4 and 5 changed (relative L2 0.5 and 0.25); config.json: a: 1 → 2",
    ),
)

CUT = saved(MODEL)[:-8]
MALFORMED = (
    Case(
        "weights that are cut short",
        one(WEIGHTS, saved(MODEL), CUT),
        f"model.safetensors changed (2.15 kB → {len(CUT) / 1000:.2f} kB), its new bytes begin like safetensors and cannot be laid out",
    ),
    Case(
        "weights that were nothing of the sort",
        one(WEIGHTS, b"<html>not found</html>", saved(MODEL)),
        "model.safetensors changed (22 bytes → 2.15 kB), its old bytes are not those of safetensors: compared by its digest only",
    ),
    Case(
        "a pointer instead of weights",
        one("m/model.gguf", GGUF, "version https://git-lfs.github.com/spec/v1\n"),
        "model.gguf changed (6.37 kB → 43 bytes), its new bytes are not those of GGUF: compared by its digest only",
    ),
    Case(
        "GGUF of a version that nobody knows",
        one("m.gguf", GGUF, b"GGUF\x09\0\0\0" + bytes(16)),
        "m.gguf changed (6.37 kB → 24 bytes), its new bytes begin like GGUF and cannot be laid out as such (it is of GGUF version 9",
    ),
    Case(
        "a pickle is not read",
        one("m/pytorch_model.bin", b"\x80\x02}q\x00.", b"\x80\x02}q\x01.\x00"),
        "pytorch_model.bin changed (6 bytes → 7 bytes), its old bytes begin like a pickle and cannot be laid out as such (",
    ),
    Case(
        "a tokenizer that is no JSON",
        one("tokenizer.json", tokenizer({"a": 1}), '{"model": '),
        "tokenizer.json changed (97 bytes → 10 bytes), the new file is not valid JSON (",
    ),
    Case(
        "pieces of SentencePiece that are cut short",
        one("spiece.model", pieces(("a", 1)), pieces(("a", 1))[:-1]),
        "spiece.model changed (12 bytes → 11 bytes), the new file is no SentencePiece model (a field goes on after its end)",
    ),
    Case(
        "a tokenizer without a model",
        one("tokenizer.json", '{"version": "1.0"}', tokenizer({"a": 1})),
        "tokenizer.json changed (18 bytes → 97 bytes), the old file has no model: compared by its digest only",
    ),
    Case(
        "an adapter's config that is no JSON",
        one("adapter_config.json", json.dumps(ADAPTER), "{"),
        "adapter_config.json: the new file is not valid JSON, line 1: Expecting property name enclosed in double quotes, compared as text",
    ),
    Case(
        "a header that lies about its tensors",
        one(WEIGHTS, saved(MODEL), safetensors_file({"a": ("F32", (9,), bytes(4))})),
        "model.safetensors changed (2.15 kB → 66 bytes), its new bytes begin like safetensors and cannot be laid out as such (",
    ),
)


@pytest.mark.parametrize("case", BESIDE, ids=lambda case: case.name)
def test_golden(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_what_is_malformed_is_compared_by_its_digest_or_as_text_with_a_note(case: Case) -> None:
    change = case.check()
    assert [detail.path for detail in change.details if isinstance(detail, Note)] == list(case.files[0])
