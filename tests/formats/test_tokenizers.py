"""Tokenizers: the real one of MiniLM, and files that are none."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import pytest

from lastgood.errors import Invalid
from lastgood.formats.tokenizers import LARGEST_TOKENIZER, read_tokenizer


@pytest.fixture
def real(minilm: Path) -> bytes:
    return (minilm / "tokenizer.json").read_bytes()


def test_the_tokens_of_a_text_are_counted_as_the_model_reads_it(real: bytes) -> None:
    tokenizer = read_tokenizer("tokenizer.json", real)
    # cite, the, policy and the full stop; what frames a whole input is not the text's.
    assert tokenizer.count("Cite the policy.") == 4
    assert tokenizer.count("unbelievably") > 1
    assert tokenizer.count("") == 0


def test_a_length_that_the_file_asks_for_does_not_count(real: bytes) -> None:
    assert json.loads(real)["truncation"] is not None
    assert json.loads(real)["padding"] is not None
    assert read_tokenizer("tokenizer.json", real).count("word " * 1_000) == 1_000


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff\x00", b'{"model": {"type": "BPE"}}', b'{"model": {"type": "WordLevel"}}'])
def test_what_is_no_tokenizer_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match=r"x\.json is no tokenizer\.json"):
        read_tokenizer("x.json", data)


def test_a_file_that_is_cut_off_or_too_large_is_refused(real: bytes) -> None:
    with pytest.raises(Invalid):
        read_tokenizer("x.json", real[:-20])
    with pytest.raises(Invalid, match="more than"):
        read_tokenizer("x.json", bytes(LARGEST_TOKENIZER + 1))


def test_a_text_that_has_no_token_is_told() -> None:
    data = {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}, "pre_tokenizer": {"type": "Whitespace"}}
    tokenizer = read_tokenizer("x.json", json.dumps({"version": "1.0", "added_tokens": [], **data}).encode())
    assert tokenizer.count("a a") == 2
    with pytest.raises(Invalid, match="cannot count"):
        tokenizer.count("b")


def test_without_the_package_the_extra_is_named(real: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def none_of_it(name: str, *rest: object) -> object:
        if name == "tokenizers":
            raise ImportError(name)
        return imported(name, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(builtins, "__import__", none_of_it)
    with pytest.raises(Invalid) as caught:
        read_tokenizer("tokenizer.json", real)
    assert caught.value.hint == "pip install 'lastgood[tokens]'"
