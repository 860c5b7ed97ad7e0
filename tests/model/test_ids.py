"""Ids: what is read is printed again, what is not one is refused, and no name can be taken for another kind of thing."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import InvalidName
from lastgood.ids import (
    ChunkId,
    ComponentName,
    ContentDigest,
    Digest,
    EnvironmentName,
    FileDigest,
    LeafHash,
    Name,
    OperationId,
    PackId,
    PipelineName,
    ReleaseId,
    Sha256Digest,
    TagName,
)
from lastgood.model.operation import new_operation_id
from lastgood.model.revision import ByName, no_zone, parse_revision
from tests.model.values import digests, effort, names

HEX = "0123456789abcdef" * 4
PLAIN_NAMES = (PipelineName, ComponentName)
REVISION_NAMES = (EnvironmentName, TagName)


@effort(50)
@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_its_bytes_and_its_hex_digits(raw: bytes) -> None:
    digest = ReleaseId(raw)
    assert digest == raw
    assert str(digest) == f"{digest}" == raw.hex()
    assert ReleaseId.parse(str(digest)) == digest
    assert digest.short == raw.hex()[:12]
    assert digest.short in repr(digest)
    assert type(ReleaseId.parse(str(digest))) is ReleaseId


@pytest.mark.parametrize("kind", [FileDigest, ContentDigest, ReleaseId, LeafHash])
def test_sha256_digests_hash_with_sha256(kind: type[Sha256Digest]) -> None:
    assert kind.of(b"abc").hex() == hashlib.sha256(b"abc").hexdigest()
    assert type(kind.of(b"")) is kind


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
@pytest.mark.parametrize("kind", [ReleaseId, ChunkId, PackId])
def test_a_digest_has_32_bytes(kind: type[Digest], length: int) -> None:
    with pytest.raises(InvalidName, match=f"a {kind.what} has 32 bytes, not {length}"):
        kind(bytes(length))


@pytest.mark.parametrize(
    "text",
    ["", HEX[:-1], HEX + "0", HEX.upper(), HEX[:-1] + "g", " " + HEX[1:], HEX + "\n", HEX[:-1] + "٣", "0x" + HEX[2:], HEX[:-2] + "  "],
)
def test_a_digest_is_read_from_64_lower_case_hex_digits_only(text: str) -> None:
    with pytest.raises(InvalidName, match="64 lower-case hex digits"):
        FileDigest.parse(text)


def test_a_refusal_quotes_a_hostile_text_but_not_all_of_it() -> None:
    for parse in (FileDigest.parse, PipelineName.parse, EnvironmentName.parse, OperationId.parse):
        with pytest.raises(InvalidName) as caught:
            parse("\x1b[31m" * 1_000_000)
        assert len(str(caught.value)) < 1_000
        assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("kind", [*PLAIN_NAMES, *REVISION_NAMES])
@pytest.mark.parametrize("text", ["prod", "support-bot", "v1.4", "2026.11", "a", "A_b", "x" * 63, "cafe", "r", "r1a", "0xcafe", "rc1"])
def test_names_that_are_right(kind: type[Name], text: str) -> None:
    name = kind.parse(text)
    assert type(name) is kind
    assert name == text
    assert str(name) == f"{name}" == text
    assert repr(name) == f"{kind.__name__}({text!r})"


ODD = [
    "",
    ".",
    "..",
    ".hidden",
    "-x",
    "_x",
    "a b",
    "a/b",
    "a\\b",
    "a@b",
    "a~1",
    "a:b",
    "ä",
    "prod\n",
    "\nprod",
    "a\0",
    "x" * 64,
    "prоd",
    "ａ",
    "٣",
]


@pytest.mark.parametrize("kind", [*PLAIN_NAMES, *REVISION_NAMES])
@pytest.mark.parametrize("text", ODD)
def test_names_that_are_not(kind: type[Name], text: str) -> None:
    with pytest.raises(InvalidName) as caught:
        kind.parse(text)
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("r42", "release number"),
        ("R1", "release number"),
        ("r007", "release number"),
        ("r" + "9" * 40, "release number"),
        ("cafe12", "digest"),
        ("CAFE12", "digest"),
        ("123456", "digest"),
        ("20261102", "digest"),
        ("a" * 63, "digest"),
        ("latest", "word of its own"),
        ("LATEST", "word of its own"),
        ("workspace", "word of its own"),
    ],
)
@pytest.mark.parametrize("kind", REVISION_NAMES)
def test_no_environment_or_tag_looks_like_another_revision(kind: type[Name], text: str, why: str) -> None:
    with pytest.raises(InvalidName, match=why):
        kind.parse(text)
    # A pipeline stands before a slash and a component in no revision, so these are free.
    assert PipelineName.parse(text) == text


@effort(100)
@given(names(EnvironmentName) | names(TagName))
def test_every_environment_and_tag_is_a_revision_that_names_it(name: Name) -> None:
    assert parse_revision(name, no_zone).place == ByName(Name(name))


@effort(20)
@given(digests(ReleaseId), st.integers(6, 63))
def test_no_digest_prefix_is_a_name(release: ReleaseId, length: int) -> None:
    for text in (str(release)[:length], str(release)[:length].upper()):
        with pytest.raises(InvalidName):
            TagName.parse(text)


def test_operation_ids_are_uuids() -> None:
    text = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
    assert str(OperationId.parse(text)) == text
    for wrong in ("", text.upper(), text + "\n", text.replace("-", ""), "{" + text + "}", text[:-1] + "g"):
        with pytest.raises(InvalidName, match="UUID"):
            OperationId.parse(wrong)


def test_a_new_operation_id_is_a_random_uuid_of_version_4() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    made = new_operation_id(entropy)
    assert asked == [16]
    assert str(made) == "ffffffff-ffff-4fff-bfff-ffffffffffff"
    assert OperationId.parse(made) == made
