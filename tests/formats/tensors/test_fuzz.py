"""Damaged files: for a few seconds here, for an hour by `tools/fuzz_tensors.py`, whose findings stay in the corpus."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastgood.formats.tensors import TensorFile
from tests.formats.tensors.files import peak_of
from tools.fuzz_tensors import LONGEST, BrokenPromise, check, damage_at_random, damaged, read_seeds

CORPUS = Path(__file__).parent / "corpus"
SEEDS = read_seeds()

damages = st.lists(st.tuples(st.integers(0, 7), st.integers(0, LONGEST), st.integers(0, (1 << 64) - 1)), min_size=1, max_size=6)


def test_the_corpus_keeps_every_promise() -> None:
    read = {path.name: check(path.read_bytes()) for path in sorted(CORPUS.iterdir())}

    problems = {file.problem for file in read.values() if file is not None and file.problem is not None}
    assert {file.format for file in read.values() if file is not None} == {"safetensors", "gguf", "npy", "npz", "torch", "onnx"}
    assert len(problems) > 60
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < 500_000


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), damages)
@settings(max_examples=600)
def test_damage_breaks_no_promise(data: bytes, other: bytes, done: list[tuple[int, int, int]]) -> None:
    check(damaged(data, other, done))


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), damages)
@settings(max_examples=60)
def test_damage_costs_no_memory(data: bytes, other: bytes, done: list[tuple[int, int, int]]) -> None:
    whole = damaged(data, other, done)

    assert peak_of(lambda: check(whole)) < 4_000_000


@pytest.mark.parametrize("name", sorted({path.name.partition("-")[0] for path in CORPUS.iterdir()}))
def test_every_prefix_breaks_no_promise(name: str) -> None:
    for path in CORPUS.glob(f"{name}-*"):
        data = path.read_bytes()
        for length in range(0, len(data), max(len(data) // 60, 1)):
            check(data[:length])


def test_what_breaks_a_promise_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.fuzz_tensors.SLOWEST", -1.0)
    found = damage_at_random(SEEDS, 0, time.monotonic() + 0.05, tmp_path / "findings")

    assert found >= len(list((tmp_path / "findings").iterdir())) > 0


def test_a_reader_that_breaks_a_promise_is_noticed() -> None:
    good = check((CORPUS.parent / "golden" / "kinds.pt").read_bytes())
    assert good is not None
    first, second = good.tensors[:2]
    wrongs = [
        TensorFile("torch", (second, first)),
        TensorFile("torch", (first, first)),
        TensorFile("torch", (first, replace(second, name=first.name))),
        TensorFile("torch", (replace(first, length=0),)),
        TensorFile("torch", (replace(first, item_bytes=5),)),
        TensorFile("torch", (first,), "a problem"),
        TensorFile("torch", (), ""),
    ]
    assert check(bytes(10_000), lambda _, __: good) == good
    for wrong, size in [(good, 100), *((one, 10_000) for one in wrongs)]:
        with pytest.raises(BrokenPromise):
            check(bytes(size), returning(wrong))


def returning(file: TensorFile) -> Callable[[BinaryIO, int], TensorFile | None]:
    """What reads any file as this."""
    return lambda _, __: file
