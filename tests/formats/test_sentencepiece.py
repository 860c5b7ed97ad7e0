"""SentencePiece models: pieces to the letter of the format, and what only looks like a model."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.formats.sentencepiece import Piece, read_pieces
from lastgood.formats.tree import Malformed
from tests.formats.tensors.files import message, number

KINDS = {"normal": 1, "unknown": 2, "control": 3, "user-defined": 4, "byte": 5, "unused": 6}


def written(piece: Piece) -> bytes:
    return message(1, message(1, piece.text.encode()) + b"\x15" + struct.pack("<f", piece.score) + number(3, KINDS[piece.kind]))


PIECES = st.builds(
    Piece, st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.floats(-99, 0, width=32), st.sampled_from(sorted(KINDS))
)


@given(st.lists(PIECES, min_size=1, max_size=9))
def test_what_is_written_is_read(pieces: list[Piece]) -> None:
    trainer, normalizer = message(2, number(3, 8000)), message(3, b"x" * 300)
    assert read_pieces(b"".join(map(written, pieces)) + trainer + normalizer) == pieces


def test_what_a_piece_does_not_say_is_its_default() -> None:
    assert read_pieces(message(1, message(1, b"a"))) == [Piece("a", 0.0, "normal")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it has no pieces"),
        (message(2, b"x"), "it has no pieces"),
        (message(1, message(1, b"a"))[:-1], "a field goes on after its end"),
        (message(1, b"\x0a\x05ab"), "a field goes on after its end"),
        (message(1, message(1, b"\xff")), "a piece is not UTF-8"),
        (b"\x0b", "a field is of wire type 3"),
        (b"\xff" * 12, "a number does not end"),
        (message(1, b"\x15\0\0"), "a field goes on after its end"),
    ],
)
def test_what_is_no_model_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read_pieces(data)


@given(st.binary(max_size=60))
def test_no_bytes_do_any_harm(data: bytes) -> None:
    with suppress(Malformed):
        assert read_pieces(data)
