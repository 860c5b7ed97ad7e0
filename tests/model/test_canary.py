"""Which calls a canary answers: the published vectors, written a second time from the rule, and what a share promises."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Invalid
from lastgood.ids import EnvironmentName, PipelineName, ReleaseId
from lastgood.model.canary import assign, check_percent, point_of, salt_of
from tests.model.values import digests, effort

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("canary_vectors.json").read_text())["vectors"]
PAGE = (Path(__file__).parents[2] / "docs" / "canary.md").read_text()
BOT, PROD = PipelineName("support-bot"), EnvironmentName("prod")
STABLE, CANARY = ReleaseId.of(b"stable"), ReleaseId.of(b"canary")
SALT = salt_of(BOT, PROD, CANARY)

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['environment']}-{one['key'][:12]}")
def test_the_vectors(vector: dict[str, Any]) -> None:
    canary = ReleaseId.parse(vector["canary"])
    salt = salt_of(PipelineName(vector["pipeline"]), EnvironmentName(vector["environment"]), canary)
    assert salt.hex() == vector["salt"]
    assert f"{point_of(vector['key'], salt):016x}" == vector["point"]
    chosen = [assign(vector["key"], STABLE, canary, percent, salt) == canary for percent in range(101)]
    assert chosen == [percent >= vector["least_percent"] for percent in range(101)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['environment']}-{one['key'][:12]}")
def test_the_vectors_follow_from_the_rule_as_it_is_written(vector: dict[str, Any]) -> None:
    """Without the code under test, as somebody would write it elsewhere."""
    named = f"lastgood.canary-salt/1\n{vector['pipeline']}/{vector['environment']}\n{vector['canary']}"
    salt = hashlib.sha256(named.encode()).digest()
    point = int(hashlib.sha256(b"lastgood.canary/1\n" + salt + vector["key"].encode()).hexdigest()[:16], 16)
    assert (salt.hex(), f"{point:016x}") == (vector["salt"], vector["point"])
    assert min(percent for percent in range(101) if point * 100 < percent * 2**64) == vector["least_percent"]


def test_the_page_shows_vectors_of_the_file() -> None:
    shown = re.findall(r"^\| `(\S+)` \| `([0-9a-f]{16})` \| (\d+) \|$", PAGE, re.MULTILINE)
    known = {(one["key"], one["point"], str(one["least_percent"])) for one in VECTORS}
    assert len(shown) >= 4
    assert set(shown) <= known
    assert VECTORS[0]["canary"] in PAGE
    assert VECTORS[0]["salt"] in PAGE


@effort(200)
@given(keys, st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_takes_the_same_keys_and_more(key: str, one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    if assign(key, STABLE, CANARY, smaller, SALT) == CANARY:
        assert assign(key, STABLE, CANARY, larger, SALT) == CANARY
    assert assign(key, STABLE, CANARY, 0, SALT) == STABLE
    assert assign(key, STABLE, CANARY, 100, SALT) == CANARY


@effort(50)
@given(keys, digests(ReleaseId), digests(ReleaseId))
def test_the_stable_release_has_no_say(key: str, one: ReleaseId, other: ReleaseId) -> None:
    assert (assign(key, one, CANARY, 30, SALT) == CANARY) == (assign(key, other, CANARY, 30, SALT) == CANARY)


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_about_that_share(percent: int) -> None:
    chosen = sum(assign(f"user-{number}", STABLE, CANARY, percent, SALT) == CANARY for number in range(20_000))
    assert abs(chosen / 200 - percent) < 1.2


def test_another_canary_takes_other_keys() -> None:
    other = salt_of(BOT, PROD, ReleaseId.of(b"another"))
    elsewhere = salt_of(BOT, EnvironmentName("staging"), CANARY)
    taken = [{n for n in range(5_000) if assign(f"u{n}", STABLE, CANARY, 10, salt) == CANARY} for salt in (SALT, other, elsewhere)]
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert 10 < len(taken[one] & taken[two]) < 100, "independent shares of a tenth meet in a hundredth"


def test_names_cannot_be_shifted_into_one_another() -> None:
    assert salt_of(PipelineName("a"), EnvironmentName("b"), CANARY) != salt_of(PipelineName("a-b"), EnvironmentName("b"), CANARY)
    assert point_of("a", SALT) != point_of("a\0", SALT)


def test_another_process_answers_alike() -> None:
    code = (
        "from lastgood.model.canary import *; from lastgood.ids import *;"
        "c = ReleaseId.of(b'canary'); s = salt_of(PipelineName('support-bot'), EnvironmentName('prod'), c);"
        "print(''.join(str(int(assign(f'u{n}', ReleaseId.of(b'stable'), c, 25, s) == c)) for n in range(200)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    assert said == "".join(str(int(assign(f"u{n}", STABLE, CANARY, 25, SALT) == CANARY)) for n in range(200))


@pytest.mark.parametrize("key", ["", "\ud800"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        assign(key, STABLE, CANARY, 10, SALT)


@pytest.mark.parametrize("percent", [-1, 0, 100, 101, True])
def test_a_share_that_is_none_is_refused(percent: int) -> None:
    with pytest.raises(Invalid, match="1 to 99 percent"):
        check_percent(percent)
