"""A history to test with: events written into a catalog as the verbs write them, with a clock and randomness that are known.

>>> entropy = counted_entropy()
>>> entropy(4) != entropy(4), counted_entropy()(4) == counted_entropy()(4)
(True, True)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

from lastgood.canonical import Json, JsonObject, parse_json_object
from lastgood.catalog import releases
from lastgood.catalog.database import Database, Session
from lastgood.catalog.facts import FACT_TABLES, project
from lastgood.catalog.records import Appender
from lastgood.clock import FixedClock, parse_instant
from lastgood.ids import (
    BehaviorDigest,
    ComponentName,
    ContentDigest,
    EnvironmentName,
    FileDigest,
    IncidentName,
    OperationId,
    PipelineName,
    RegistryId,
    SourceDigest,
    TagName,
)
from lastgood.model.changes.body import Body
from lastgood.model.changes.environments import EnvironmentMoved, MoveKind
from lastgood.model.changes.evaluations import EvaluationRecorded
from lastgood.model.changes.incidents import DeploymentBackfilled, IncidentKind, IncidentLinked, IncidentRecorded, IncidentStep
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.changes.releases import ReleaseCommitted, TagSet
from lastgood.model.component import Component, DatasetContent, FilesContent, Kind, Provenance, make_component
from lastgood.model.event import Event, leaf_hash, read_event
from lastgood.model.gates.policy import policy_digest
from lastgood.model.history import ReleaseRecord
from lastgood.model.operation import Entropy, Operation, new_operation_id
from lastgood.model.release import make_manifest

BOT = PipelineName("bot")
PROD = EnvironmentName("prod")
ACTOR = "ada@example.org"
REGISTRY = RegistryId("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10")
START = parse_instant("2026-11-02T14:05:00.000000Z")


def counted_entropy(seed: str = "") -> Entropy:
    """Return a source of bytes that never repeats itself and is the same every time."""
    numbers = count()

    def draw(size: int) -> bytes:
        return hashlib.shake_256(f"{seed} {next(numbers)}".encode()).digest(size)

    return draw


class History:
    """Writes into one catalog.

    Args:
        database: the catalog.
        seed: tells apart what two histories draw, where they write into one catalog.
    """

    def __init__(self, database: Database, seed: str = "") -> None:
        self.database = database
        self.clock = FixedClock(START)
        self.entropy = counted_entropy(seed)

    @contextmanager
    def change(self, *, actor: str = ACTOR, operation: OperationId | None = None) -> Iterator[tuple[Session, Appender]]:
        """Give a writing session and the appender of a new operation."""
        asked = Operation(operation or new_operation_id(self.entropy), actor)
        with self.database.writing() as session:
            yield session, Appender(session, asked, self.clock, self.entropy)

    def append(self, *bodies: Body, operation: OperationId | None = None) -> list[Event]:
        """Append events as one operation."""
        with self.change(operation=operation) as (_, ledger):
            return [ledger.append(body) for body in bodies]

    def commit(self, prompt: str, data: str = "", *, pipeline: PipelineName = BOT, message: str | None = None) -> ReleaseRecord:
        """Make a release whose behavior is that of its prompt."""
        with self.change() as (session, ledger):
            latest = releases.latest_release(session, pipeline)
            manifest = make_manifest(
                pipeline,
                components_of(prompt, data),
                workspace_file=FileDigest.of(b""),
                parents=() if latest is None else (latest.release,),
                created=ledger.now,
            )
            number = 1 if latest is None else latest.number + 1
            document = parse_json_object(manifest.document)
            ledger.append(ReleaseCommitted(pipeline, manifest.release, number, document, ledger.text(message)))
            return releases.require_release(session, manifest.release)

    def tag(self, release: ReleaseRecord, name: str) -> None:
        """Give a release a tag."""
        self.append(TagSet(release.pipeline, TagName(name), release.release))

    def move(
        self,
        release: ReleaseRecord,
        revision: int,
        *,
        environment: EnvironmentName = PROD,
        entry: int | None = None,
        below: int | None = None,
        suspects: tuple[BehaviorDigest, ...] = (),
        cleared: BehaviorDigest | None = None,
        reason: str | None = None,
        canary: tuple[ReleaseRecord, int] | None = None,
        gates: Mapping[str, Json] | None = None,
    ) -> None:
        """Move an environment: to a new entry above `below`, back to an `entry`, or only run a canary beside that."""
        with self.change() as (_, ledger):
            ledger.append(
                EnvironmentMoved(
                    pipeline=release.pipeline,
                    environment=environment,
                    revision=revision,
                    kind=MoveKind.CANARY if canary else MoveKind.DEPLOY if entry is None else MoveKind.ROLLBACK,
                    replaced=release.release if canary else None,
                    release=release.release,
                    behavior=release.behavior,
                    entry=revision if entry is None else entry,
                    below=below,
                    suspects=suspects,
                    cleared=cleared,
                    reason=ledger.text(reason),
                    canary=canary[0].release if canary else None,
                    percent=canary[1] if canary else None,
                    gates=gates,
                )
            )

    def apply(self, policy: JsonObject, environment: EnvironmentName = PROD) -> None:
        """Record a policy."""
        self.append(PolicyApplied(BOT, environment, policy, policy_digest(policy)))

    def approve(self, release: ReleaseRecord, actor: str, environment: EnvironmentName = PROD, reason: str | None = None) -> None:
        """Approve a release."""
        with self.change(actor=actor) as (_, ledger):
            ledger.append(ReleaseApproved(release.pipeline, environment, release.release, ledger.text(reason)))

    def open_incident(self) -> None:
        """Open an incident of prod, link a note to it, and tell of a deploy of the past."""
        with self.change() as (_, ledger):
            title = ledger.text("it cites nothing")
            assert title is not None  # noqa: S101  # a text has a digest
            name = IncidentName.numbered(1)
            unsaid = (None, ledger.now, None, None, None, None, None, None, None)
            ledger.append(IncidentRecorded(name, IncidentStep.OPENED, BOT, IncidentKind.INCIDENT, PROD, *unsaid, title, None, None))
            ledger.append(IncidentLinked(name, None, None, None, ledger.text("see there")))
            past = ledger.now - timedelta(days=30)
            ledger.append(DeploymentBackfilled(BOT, PROD, MoveKind.DEPLOY, past, name, title, SourceDigest.of(b"")))

    def evaluate(self, release: ReleaseRecord, suite: str, metrics: Mapping[str, float], on: ContentDigest | None = None) -> int:
        """Record an evaluation and return the sequence of its event."""
        body = EvaluationRecorded(
            pipeline=release.pipeline,
            release=release.release,
            behavior=release.behavior,
            suite=ComponentName(suite),
            suite_content=ContentDigest.of(suite.encode()),
            on=on,
            results=FileDigest.of(suite.encode()),
            cases=3,
            metrics=metrics,
            runner={"how": "import"},
        )
        return self.append(body)[0].sequence


def components_of(prompt: str, data: str = "") -> tuple[Component, ...]:
    """Return a prompt, which acts in production, and a dataset, which does not."""
    return (
        make_component(ComponentName("prompt"), FilesContent(Kind.PROMPT, FileDigest.of(prompt.encode())), Provenance()),
        make_component(ComponentName("data"), DatasetContent(FileDigest.of(data.encode()), None), Provenance()),
    )


def facts_of(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of facts, in an order that does not depend on how they were written."""
    return {table: sorted(session.rows(f"SELECT * FROM {table}"), key=repr) for table in FACT_TABLES}  # noqa: S608 - our own names


def replay_facts(session: Session, documents: Iterable[bytes]) -> None:
    """Forget every fact and set them anew from events."""
    for table in FACT_TABLES:
        session.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    before = None
    for document in documents:
        leaf = leaf_hash(document)
        project(session, read_event(document), leaf, before)
        before = leaf
