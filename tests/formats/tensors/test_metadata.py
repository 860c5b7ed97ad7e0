"""What files say of themselves beside their tensors: pairs of GGUF, metadata of safetensors, names in PyTorch's pickles."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import pytest

from lastgood.formats.tensors.gguf_pairs import LONGEST_LIST, MOST_PAIRS
from lastgood.formats.tensors.metadata import read_metadata, read_names
from lastgood.formats.tensors.safetensors import LONGEST_TEXT, MOST_KEPT
from tests.formats.tensors.files import gguf_file, peak_of, pickle_of, short, storage, text, torch_file, with_header, zip_file

GOLDEN = Path(__file__).parent / "golden"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n("


def metadata(data: bytes) -> object:
    return read_metadata(io.BytesIO(data), len(data))


def names(data: bytes) -> dict[str, str]:
    return read_names(io.BytesIO(data), len(data))


def pair(key: str | bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def listed(kind: int, count: int, items: bytes) -> bytes:
    return struct.pack("<IQ", kind, count) + items


# ------------------------------------------------------------------------------------------------------------ gguf


def test_the_pairs_of_a_file_of_the_reference_writer() -> None:
    found = metadata((GOLDEN / "small.gguf").read_bytes())
    assert isinstance(found, dict)
    assert found["general.architecture"] == "llama"


def test_every_type_of_value_is_given() -> None:
    pairs = [
        pair("u8", 0, b"\x07"),
        pair("i8", 1, b"\xff"),
        pair("u16", 2, b"\1\2"),
        pair("i16", 3, b"\xfe\xff"),
        pair("u32", 4, struct.pack("<I", 1 << 31)),
        pair("i32", 5, struct.pack("<i", -5)),
        pair("f32", 6, struct.pack("<f", 0.1)),
        pair("bool", 7, b"\1"),
        pair("text", 8, text("héllo")),
        pair("u64", 10, struct.pack("<Q", 1 << 63)),
        pair("i64", 11, struct.pack("<q", -1)),
        pair("f64", 12, struct.pack("<d", 0.25)),
        pair("nan", 6, struct.pack("<f", float("nan"))),
        pair("texts", 9, listed(8, 2, text("a") + text("b"))),
        pair("numbers", 9, listed(4, 2, struct.pack("<2I", 1, 2))),
        pair("nothing", 9, listed(8, 0, b"")),
    ]
    assert metadata(gguf_file(pairs=pairs)) == {
        "u8": 7, "i8": -1, "u16": 513, "i16": -2, "u32": 1 << 31, "i32": -5, "f32": 0.1, "bool": True, "text": "héllo",
        "u64": 1 << 63, "i64": -1, "f64": 0.25, "nan": "nan", "texts": ["a", "b"], "numbers": [1, 2], "nothing": [],
    }  # fmt: skip


def test_a_vocabulary_is_told_by_its_length_and_digest() -> None:
    tokens = b"".join(text(f"token {number}") for number in range(LONGEST_LIST + 1))
    others = tokens.replace(b"token 7", b"token 8", 1)
    found = [
        metadata(gguf_file(pairs=[pair("tokens", 9, listed(8, LONGEST_LIST + 1, one)), pair("n", 0, b"\1")])) for one in (tokens, others)
    ]
    assert all(isinstance(one, dict) and one["n"] == 1 and one["tokens"].startswith("65 items, sha256 ") for one in found)
    assert found[0] != found[1]


def test_a_long_text_is_cut_and_still_differs_at_its_end() -> None:
    found = [metadata(gguf_file(pairs=[pair("t", 8, text("x" * 100_000 + end))])) for end in "ab"]
    assert found[0] != found[1]
    assert isinstance(found[0], dict)
    assert found[0]["t"].startswith("xxxx")
    assert len(found[0]["t"]) < 150


@pytest.mark.parametrize(
    "data",
    [
        gguf_file(pairs=[pair("a", 99, b"")]),
        gguf_file(pairs=[pair("a", 9, listed(99, 1, b"x"))]),
        gguf_file(counts=(0, MOST_PAIRS + 1)),
        gguf_file(pairs=[pair("a", 8, struct.pack("<Q", 1 << 62))]),
        gguf_file(version=1),
        gguf_file()[:20],
        b"GGUF",
        b"a text",
        b"",
    ],
)
def test_what_breaks_the_rules_says_nothing(data: bytes) -> None:
    assert metadata(data) is None


# ----------------------------------------------------------------------------------------------------- safetensors


def header(metadata: str) -> bytes:
    return with_header(f'{{"__metadata__":{metadata},"w":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}}', b"x")


def test_the_metadata_of_safetensors() -> None:
    said = {"format": "pt", 'a "quoted" key': "é\n\\", "empty": ""}
    assert metadata(header(json.dumps(said))) == said
    assert metadata(header(json.dumps(said, ensure_ascii=False))) == said
    assert metadata(header("{}")) == {}
    assert metadata(with_header("{}")) == {}


def test_a_lone_surrogate_is_replaced() -> None:
    assert metadata(header('{"a": "\\ud800"}')) == {"a": "?"}


def test_long_metadata_is_cut_and_much_of_it_is_left_out() -> None:
    found = metadata(header(json.dumps({"long": "x" * 3_000_000})))
    assert found == {"long": "x" * LONGEST_TEXT}
    many = header(json.dumps({str(number): "y" * LONGEST_TEXT for number in range(100)}))
    left = metadata(many)
    assert isinstance(left, dict)
    assert len(left) == MOST_KEPT // (LONGEST_TEXT + 2)
    assert peak_of(lambda: metadata(many)) < 20_000_000


@pytest.mark.parametrize("said", ['{"a": 1}', '{"a": "b}', '"text"', '{"a" "b"}'])
def test_metadata_that_is_none_says_nothing(said: str) -> None:
    assert metadata(header(said)) is None


# ----------------------------------------------------------------------------------------------------------- torch


def test_the_names_of_real_files() -> None:
    assert names((GOLDEN / "protocol4.pt").read_bytes()) == {"data/0": "a", "data/1": "b", "data/2": "u32"}
    # What an optimizer keeps is called alike for every parameter, and so has no name of its own.
    layers = {f"data/{2 * layer + place}": f"{layer}.{name}" for layer in range(3) for place, name in enumerate(("weight", "bias"))}
    assert names((GOLDEN / "training.pt").read_bytes()) == layers


def tensor(name: bytes, key: str) -> bytes:
    return name + REBUILD + storage("FloatStorage", key, 1) + b"tR"


def test_a_storage_that_two_tensors_share_has_the_first_name() -> None:
    pickle = pickle_of(tensor(short("wte"), "0"), tensor(short("lm_head"), "0"), tensor(short("norm"), "1"))
    assert names(torch_file(pickle, {"0": bytes(4), "1": bytes(4)})) == {"data/0": "wte", "data/1": "norm"}


@pytest.mark.parametrize("name", ["", "a\x1b[31m", "x" * 129])
def test_a_name_that_could_not_be_shown_is_none(name: str) -> None:
    assert names(torch_file(pickle_of(tensor(short(name), "0")), {"0": bytes(4)})) == {}


def test_a_lone_surrogate_is_no_name() -> None:
    raw = b"X" + struct.pack("<I", 3) + b"\xed\xa0\x80"
    assert names(torch_file(pickle_of(tensor(raw, "0")), {"0": bytes(4)})) == {}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", zip_file({"a": b"b"}), torch_file(b"\xff\xff", {"0": bytes(4)})])
def test_what_is_no_archive_has_no_names(data: bytes) -> None:
    assert names(data) == {}
