"""The identities of releases: what changes which digest, and golden digests, so that none can change unnoticed.

The golden digests were made with `json.dumps` and `hashlib` alone, from documents written out by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.ids import ComponentName, FileDigest, PipelineName, ReleaseId
from lastgood.model.component import (
    Component,
    Content,
    DatasetContent,
    EvalContent,
    FilesContent,
    HostedContent,
    Kind,
    MadeBy,
    Provenance,
    ReferenceContent,
    RuntimeContent,
    make_component,
)
from lastgood.model.release import Manifest, behavior_digest, make_manifest, state_digest
from tests.model.values import components, effort

ONE, TWO = FileDigest.of(b"one"), FileDigest.of(b"two")
MADE = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)

EVERY_KIND: dict[str, Content] = {
    "router": FilesContent(Kind.ARTIFACT, ONE),
    "llm": HostedContent("openai", "gpt-4.1-2025-04-14", None),
    "prompts": FilesContent(Kind.PROMPT, ONE),
    "routing": FilesContent(Kind.CONFIG, ONE),
    "train": DatasetContent(ONE, "id"),
    "lake": ReferenceContent("s3://lake/tickets", "v7", "sha256:00"),
    "quality": EvalContent(ONE, "python run.py", ComponentName("train")),
    "app": FilesContent(Kind.CODE, ONE),
    "python": RuntimeContent(ONE, "3.11", "linux/amd64", None),
}

ACTING_CHANGES: dict[str, Content] = {
    "router": FilesContent(Kind.ARTIFACT, TWO),
    "llm": HostedContent("openai", "gpt-4.1-2025-04-14", "fp_1"),
    "prompts": FilesContent(Kind.PROMPT, TWO),
    "routing": FilesContent(Kind.CONFIG, TWO),
    "app": FilesContent(Kind.CODE, TWO),
    "python": RuntimeContent(ONE, "3.12", "linux/amd64", None),
}

OTHER_CHANGES: dict[str, Content] = {
    "train": DatasetContent(ONE, "uuid"),
    "lake": ReferenceContent("s3://lake/tickets", "v8", "sha256:00"),
    "quality": EvalContent(ONE, "python run.py --fast", ComponentName("train")),
}

CONTENT_DIGESTS = {
    "router": "57b0603871d6f7154fcac94ac46f9ec5596d8038fecd1a1104df5c11b6a0822f",
    "llm": "e00782d7410002a77df71122eb74258d84cc29501c7bf7c124c777fb244f09b0",
    "prompts": "e1dd367b21b3cf1863a76c6fc1e35c6b7d1090807a8d6ea88823a8a5e346209d",
    "routing": "ce3bae8ef12db9919de0cd5212cd99fbbb13d6a555f14fed3eb26b733c5531be",
    "train": "b3003cb141f0a53ee1637f386c9ae1b8fa9b7bcda6dd98a79c39bb8ca352bae8",
    "lake": "915504eff8e15f37c93733a198e77dda7c938b718a88c3103d01c4c0dc92de14",
    "quality": "5d6faad9754e5ff096f18df517c844c4bd31786e98837a3c2ec843f6f9b48695",
    "app": "798e271963ed70572548b364a0f673bfe221e20d612eb4134adbd6dc29a38f45",
    "python": "f72b272948206d67b97bd3c7313209125f778cd4630f6f50cdc57223b9650bd7",
}
STATE = "3cfb1036ad93015b01002330ab66a4aab721f2f2160208a1a724d687185c41a9"
BEHAVIOR = "52c99de19bbf14cc8d7c25d26447eeba00f7240e45c63a0dc4fc002a68c164ac"
RELEASE = "c1ba420af7c5e09c823f607bd55b768b72f840026ff78d900abc9b9a35e762a3"


def made(contents: dict[str, Content]) -> list[Component]:
    return [make_component(ComponentName(name), content, Provenance()) for name, content in contents.items()]


def manifest(parts: Iterable[Component], *, created: datetime = MADE, parents: tuple[ReleaseId, ...] = ()) -> Manifest:
    return make_manifest(PipelineName("support-bot"), parts, workspace_file=TWO, parents=parents, created=created)


def test_every_kind_of_component_is_here() -> None:
    assert {content.kind for content in EVERY_KIND.values()} == set(Kind)
    assert {EVERY_KIND[name].kind for name in ACTING_CHANGES} == {kind for kind in Kind if kind.acts}
    assert {EVERY_KIND[name].kind for name in OTHER_CHANGES} == {Kind.DATASET, Kind.EVAL}


def test_golden_contents() -> None:
    assert {str(one.name): str(one.digest) for one in made(EVERY_KIND)} == CONTENT_DIGESTS


def test_golden_release() -> None:
    parts = made(EVERY_KIND)
    prompts = replace(
        parts[2], provenance=Provenance(MadeBy("python make.py", {"train": str(ONE)}, 7), ("s3://lake@v7",), "MIT", {"os": "linux"})
    )
    release = manifest([*parts[:2], prompts, *parts[3:]], parents=(ReleaseId.of(b"parent"),))
    assert (str(release.state), str(release.behavior), str(release.release)) == (STATE, BEHAVIOR, RELEASE)


def test_golden_nothing() -> None:
    assert str(state_digest([])) == "eba313ff706dba78d8a77b03c563cfa23cf04148d509c8329794d59930dff4f6"
    assert str(behavior_digest([])) == "5961e06ae08cb83206e9417206657ed4f570221c57d2cc3f963f48c3e7bf4447"


@pytest.mark.parametrize("name", ACTING_CHANGES)
def test_what_acts_in_production_changes_state_and_behavior(name: str) -> None:
    before, after = made(EVERY_KIND), made({**EVERY_KIND, name: ACTING_CHANGES[name]})
    assert state_digest(before) != state_digest(after)
    assert behavior_digest(before) != behavior_digest(after)


@pytest.mark.parametrize("name", OTHER_CHANGES)
def test_data_and_evals_change_the_state_only(name: str) -> None:
    before, after = made(EVERY_KIND), made({**EVERY_KIND, name: OTHER_CHANGES[name]})
    assert state_digest(before) != state_digest(after)
    assert behavior_digest(before) == behavior_digest(after)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_taking_a_component_away_or_renaming_it_counts(name: str) -> None:
    acts = EVERY_KIND[name].kind.acts
    without = {one: content for one, content in EVERY_KIND.items() if one != name}
    for after in (made(without), made({**without, f"{name}2": EVERY_KIND[name]})):
        assert state_digest(after) != state_digest(made(EVERY_KIND))
        assert (behavior_digest(after) != behavior_digest(made(EVERY_KIND))) == acts


def test_one_listing_is_another_content_in_each_kind() -> None:
    kinds = (Kind.ARTIFACT, Kind.PROMPT, Kind.CONFIG, Kind.CODE)
    contents: list[Content] = [FilesContent(kind, ONE) for kind in kinds]
    contents += [DatasetContent(ONE, None), EvalContent(ONE, None, None), RuntimeContent(ONE, None, None, None)]
    assert len({one.digest for one in made({f"c{number}": content for number, content in enumerate(contents)})}) == len(contents)


@effort(20)
@given(st.lists(components, max_size=4, unique_by=lambda one: one.name), st.randoms())
def test_the_order_of_components_means_nothing(parts: list[Component], random: Random) -> None:
    shuffled = random.sample(parts, len(parts))
    assert manifest(parts).document == manifest(shuffled).document


@effort(20)
@given(st.lists(components, min_size=1, max_size=4, unique_by=lambda one: one.name), components)
def test_provenance_parents_and_time_make_another_release_of_the_same_state(parts: list[Component], other: Component) -> None:
    release = manifest(parts)
    others = [
        manifest(parts, created=MADE.replace(microsecond=1)),
        manifest(parts, parents=(release.release,)),
        manifest([replace(parts[0], provenance=replace(parts[0].provenance, licence=f"not {parts[0].provenance.licence}")), *parts[1:]]),
    ]
    assert len({release.release, *(one.release for one in others)}) == 4
    for one in others:
        assert (one.state, one.behavior) == (release.state, release.behavior)


@effort(20)
@given(components)
def test_an_absent_value_is_null(one: Component) -> None:
    assert all(name in one.document for name in one.content.to_json())
    assert one.content.to_json()["kind"] == one.kind.value
