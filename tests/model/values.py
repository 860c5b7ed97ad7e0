"""Hypothesis strategies for the values of the model, and how hard to look.

`effort(50)` asks for 50 examples in an ordinary run, and for 20 times as many under `--hypothesis-profile=thorough`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from lastgood.canonical import LARGEST_INTEGER, Json
from lastgood.errors import InvalidName
from lastgood.ids import (
    BehaviorDigest,
    ComponentName,
    ContentDigest,
    Digest,
    EnvironmentName,
    FileDigest,
    HookName,
    IncidentName,
    Name,
    OperationId,
    PipelineName,
    PlanDigest,
    RegistryId,
    ReleaseId,
    SourceDigest,
    TagName,
    TextDigest,
)
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import EnvironmentMoved, HookOutcome, HookRan, MoveKind
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.changes.incidents import (
    BackfillWithdrawn,
    Currency,
    DeploymentBackfilled,
    IncidentKind,
    IncidentLinked,
    IncidentRecorded,
    IncidentStep,
    IncidentUnlinked,
    IncidentWithdrawn,
)
from lastgood.model.changes.ledger import KeySet, SignedNoteText, VerifierKeyText
from lastgood.model.changes.operations import OperationUndone
from lastgood.model.changes.pilots import PilotStarted, PilotWithdrawn
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.changes.purges import FilesPurged, PurgeLifted
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.changes.releases import (
    BehaviorMarked,
    HoldLifted,
    ReleaseCommitted,
    ReleaseHeld,
    ReleaseImported,
    ReleaseSigned,
    SignatureText,
    TagRemoved,
    TagSet,
    Verdict,
)
from lastgood.model.changes.retention import Removal, RetentionApplied, RetentionWithdrawn
from lastgood.model.component import (
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
from lastgood.model.gates.policy import policy_digest
from lastgood.model.parts import Part

USUAL = 100
AnyDigest = TypeVar("AnyDigest", bound=Digest)
AnyName = TypeVar("AnyName", bound=Name)


def effort(examples: int) -> settings:
    """Return settings with so many examples, in proportion to the profile that was chosen."""
    return settings(max_examples=max(1, settings().max_examples * examples // USUAL))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
maybe_text = st.none() | texts
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31))  # noqa: DTZ001 - hypothesis adds the zone
numbers = st.integers(0, LARGEST_INTEGER)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(texts, json_values, max_size=3)


def digests(kind: type[AnyDigest]) -> st.SearchStrategy[AnyDigest]:
    return st.binary(min_size=32, max_size=32).map(kind)


def names(kind: type[AnyName]) -> st.SearchStrategy[AnyName]:
    def is_one(text: str) -> bool:
        try:
            kind.parse(text)
        except InvalidName:
            return False
        return True

    first, others = st.sampled_from("ABZaefrz059"), st.text("ABZaefrz059._-", max_size=9) | st.text("xr0-", min_size=62, max_size=62)
    return st.builds("{}{}".format, first, others).filter(is_one).map(kind)


listings = digests(FileDigest)
contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(FilesContent, st.sampled_from([Kind.ARTIFACT, Kind.PROMPT, Kind.CONFIG, Kind.CODE]), listings),
    st.builds(DatasetContent, listings, maybe_text),
    st.builds(ReferenceContent, texts, maybe_text, maybe_text),
    st.builds(EvalContent, listings, maybe_text, st.none() | names(ComponentName)),
    st.builds(HostedContent, texts, texts, maybe_text),
    st.builds(RuntimeContent, listings, maybe_text, maybe_text, maybe_text),
)
provenances = st.builds(
    Provenance,
    made_by=st.none()
    | st.builds(
        MadeBy,
        run=maybe_text,
        inputs=st.dictionaries(texts, maybe_text, max_size=3),
        seed=st.none() | numbers,
        asserted=st.booleans(),
    ),
    derived_from=st.lists(texts, max_size=3).map(tuple),
    licence=maybe_text,
    observed=json_objects,
)
components = st.builds(make_component, names(ComponentName), contents, provenances)

_releases = digests(ReleaseId)
_behaviors = digests(BehaviorDigest)
_pipelines = names(PipelineName)
_texts_apart = st.none() | digests(TextDigest)
_purged = st.lists(digests(FileDigest), max_size=3).map(tuple)
_incidents = st.integers(1, 10**9).map(IncidentName.numbered)
_moments = st.none() | instants


def incidents(cost: int | None) -> st.SearchStrategy[IncidentRecorded]:
    """Return what may be said of incidents that cost so much."""
    return st.builds(
        IncidentRecorded,
        incident=_incidents,
        step=st.sampled_from(IncidentStep),
        pipeline=_pipelines,
        kind=st.sampled_from(IncidentKind),
        environment=st.none() | names(EnvironmentName),
        started=_moments,
        detected=instants,
        mitigated=_moments,
        closed=_moments,
        release=st.none() | _releases,
        minutes=st.none() | numbers,
        cost=st.just(cost),
        currency=st.just(None if cost is None else Currency("EUR")),
        preventable=st.none() | st.booleans(),
        title=digests(TextDigest),
        impact=_texts_apart,
        source=st.none() | digests(SourceDigest),
    )


_removals = st.lists(st.builds(Removal, _releases, names(ComponentName), st.sampled_from(Part)), max_size=3).map(tuple)
BODIES: Mapping[type[Body], st.SearchStrategy[Body]] = {
    RegistryCreated: st.builds(RegistryCreated, st.uuids().map(lambda one: RegistryId.parse(str(one)))),
    RetentionRecorded: st.builds(RetentionRecorded, _pipelines, json_objects),
    ReleaseCommitted: st.builds(ReleaseCommitted, _pipelines, _releases, numbers, json_objects, _texts_apart),
    KeySet: st.builds(
        KeySet,
        st.just(VerifierKeyText("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")),
        st.none() | st.just(SignedNoteText("a\n\n\u2014 b x08go/ZJkuBS9U=\n")),
        _texts_apart,
    ),
    ReleaseImported: st.builds(
        ReleaseImported,
        _pipelines,
        _releases,
        numbers,
        json_objects,
        _texts_apart,
        digests(TextDigest),
        st.uuids().map(lambda one: RegistryId.parse(str(one))),
        numbers,
        st.just(SignedNoteText("a\n\n\u2014 b x08go/ZJkuBS9U=\n")),
    ),
    ReleaseSigned: st.builds(
        ReleaseSigned,
        _pipelines,
        _releases,
        st.just(VerifierKeyText("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")),
        st.binary(min_size=64, max_size=64).map(lambda one: SignatureText(base64.b64encode(one).decode())),
    ),
    TagSet: st.builds(TagSet, _pipelines, names(TagName), _releases, st.none() | _releases),
    TagRemoved: st.builds(TagRemoved, _pipelines, names(TagName), _releases),
    ReleaseHeld: st.builds(ReleaseHeld, _pipelines, _releases, _texts_apart),
    HoldLifted: st.builds(HoldLifted, _pipelines, _releases, numbers, _texts_apart),
    HookRan: st.builds(
        HookRan,
        _pipelines,
        names(EnvironmentName),
        numbers,
        names(HookName),
        st.sampled_from(HookOutcome),
        numbers,
        st.none() | st.integers(-64, 599),
    ),
    RetentionApplied: st.builds(RetentionApplied, _pipelines, json_objects, digests(PlanDigest), _removals),
    RetentionWithdrawn: st.builds(RetentionWithdrawn, _pipelines, numbers, _removals),
    FilesPurged: st.builds(FilesPurged, _purged, st.none() | digests(TextDigest)),
    PurgeLifted: st.builds(PurgeLifted, _purged, st.none() | digests(TextDigest)),
    OperationUndone: st.builds(OperationUndone, st.uuids().map(lambda one: OperationId.parse(str(one)))),
    EnvironmentMoved: st.builds(
        EnvironmentMoved,
        pipeline=_pipelines,
        environment=names(EnvironmentName),
        revision=numbers,
        kind=st.sampled_from(MoveKind),
        replaced=st.none() | _releases,
        release=_releases,
        behavior=_behaviors,
        entry=numbers,
        below=st.none() | numbers,
        suspects=st.lists(_behaviors, max_size=3).map(tuple),
        cleared=st.none() | _behaviors,
        reason=_texts_apart,
        lifted=st.lists(_behaviors, max_size=3).map(tuple),
        canary=st.none() | _releases,
        percent=st.none() | st.integers(1, 99),
        ended=st.none() | _releases,
        milliseconds=st.none() | numbers,
        incident=st.none() | names(IncidentName),
        gates=st.none() | json_objects,
    ),
    PolicyApplied: st.builds(
        lambda pipeline, environment, policy: PolicyApplied(pipeline, environment, policy, policy_digest(policy)),
        _pipelines,
        names(EnvironmentName),
        json_objects,
    ),
    ReleaseApproved: st.builds(ReleaseApproved, _pipelines, names(EnvironmentName), _releases, _texts_apart),
    EvaluationRecorded: st.builds(
        EvaluationRecorded,
        pipeline=_pipelines,
        release=_releases,
        behavior=_behaviors,
        suite=names(ComponentName),
        suite_content=digests(ContentDigest),
        on=st.none() | digests(ContentDigest),
        results=digests(FileDigest),
        cases=numbers,
        metrics=st.dictionaries(texts, st.floats(-1e12, 1e12), max_size=3),
        runner=json_objects,
    ),
    IncidentRecorded: (st.none() | numbers).flatmap(incidents),
    IncidentWithdrawn: st.builds(IncidentWithdrawn, _incidents),
    IncidentLinked: st.one_of(
        st.builds(IncidentLinked, _incidents, st.none() | _releases, st.none(), st.none(), _texts_apart),
        st.builds(IncidentLinked, _incidents, st.none() | _releases, names(EnvironmentName), numbers, _texts_apart),
    ),
    IncidentUnlinked: st.builds(IncidentUnlinked, _incidents, numbers),
    DeploymentBackfilled: st.builds(
        DeploymentBackfilled,
        pipeline=_pipelines,
        environment=st.none() | names(EnvironmentName),
        kind=st.sampled_from(MoveKind),
        occurred_at=instants,
        incident=st.none() | _incidents,
        note=digests(TextDigest),
        source=digests(SourceDigest),
    ),
    BackfillWithdrawn: st.builds(BackfillWithdrawn, _pipelines, numbers),
    PilotStarted: st.builds(PilotStarted, _pipelines, instants, st.integers(1, 10**6), instants, instants, st.none() | numbers),
    PilotWithdrawn: st.builds(PilotWithdrawn, _pipelines, numbers),
    BehaviorMarked: st.builds(BehaviorMarked, _pipelines, _releases, _behaviors, st.sampled_from(Verdict), _texts_apart),
}
bodies: st.SearchStrategy[Body] = st.one_of(*BODIES.values())
operations = st.uuids().map(lambda one: OperationId.parse(str(one)))
