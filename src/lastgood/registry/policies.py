"""Policies and approvals: what environments ask of releases, and what people allow.

policies = Policies(context)
policies.apply("support-bot", {EnvironmentName("prod"): document})
policies.approve("r42", "prod", "read the diff")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lastgood.canonical import Json
from lastgood.catalog import environments, policies, releases
from lastgood.catalog.database import Session
from lastgood.errors import AlreadyExists, Invalid, NotFound, OwnApproval
from lastgood.ids import EnvironmentName, PipelineName
from lastgood.model.changes.policies import PolicyApplied, ReleaseApproved
from lastgood.model.gates.approvals import same_person
from lastgood.model.gates.facts import UnknownGate
from lastgood.model.gates.judgement import Judgement
from lastgood.model.gates.policy import Policy, policy_digest, policy_document, read_policy
from lastgood.model.history import Approval, RecordedPolicy, ReleaseRecord
from lastgood.registry import resolve
from lastgood.registry.context import Context

Document = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What became, or would become, of one environment's policy; `before` is None where it had none."""

    environment: EnvironmentName
    before: Policy | None
    after: Policy

    @property
    def changed(self) -> bool:
        """Whether it is another one than before; to have none is to be open."""
        held = policy_digest(policy_document()) if self.before is None else self.before.digest
        return held != self.after.digest


@dataclass(frozen=True, slots=True)
class Approved:
    """What became of an approval: `created` is false where the same person had approved it already."""

    release: ReleaseRecord
    environment: EnvironmentName
    approvals: tuple[Approval, ...]
    created: bool


class Policies:
    """What the environments of an embedded registry ask, and what people allowed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def apply(self, pipeline: str, documents: Mapping[EnvironmentName, Document]) -> list[PolicyChange]:
        """Record policies, each of an environment, which comes into being with it; what is the same already is left.

        Raises:
            Invalid: a gate is none of this version.
            AlreadyExists: a tag has the name of an environment that would be new.
        """
        named = PipelineName.parse(pipeline)
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            changes = _changes(session, named, documents)
            for one in changes:
                if one.changed:
                    _check_name(session, named, one.environment)
                    ledger.append(PolicyApplied(named, one.environment, one.after.document, one.after.digest))
        return changes

    def plan(self, pipeline: str, documents: Mapping[EnvironmentName, Document]) -> list[PolicyChange]:
        """Return what `apply` would change, without doing it."""
        named = PipelineName.parse(pipeline)
        with self._context.database.reading() as session:
            changes = _changes(session, named, documents)
            for one in changes:
                if one.changed:
                    _check_name(session, named, one.environment)
        return changes

    def list(self, pipeline: str | None = None) -> list[RecordedPolicy]:
        """Return the policies that were recorded for a pipeline, by environment."""
        with self._context.database.reading() as session:
            named = None if pipeline is None else PipelineName.parse(pipeline)
            return policies.recorded_policies(session, resolve.choose_pipeline(self._context, session, named))

    def get(self, environment: str) -> RecordedPolicy | None:
        """Return the policy of an environment, or None where it has none and is open.

        Raises:
            NotFound: there is no such environment.
        """
        with self._context.database.reading() as session:
            pipeline, name = self._parse(session, environment)
            found = policies.recorded_policy(session, pipeline, name)
            if found is None and environments.current_deployment(session, pipeline, name) is None:
                raise NotFound(f"{pipeline} has no environment {name}", hint="lastgood env list")
            return found

    def judgements(self, environment: str) -> dict[int, Judgement]:
        """Return what gates said of the moves of an environment, by revision; where there was no policy it is left out."""
        with self._context.database.reading() as session:
            return policies.judgements(session, *self._parse(session, environment))

    def approve(self, revision: str, environment: str, reason: str | None = None) -> Approved:
        """Approve a release for an environment; doing so twice changes nothing.

        Raises:
            OwnApproval: the release is the approver's own, or the name of its author was erased.
            NotFound: there is no such environment.
        """
        operation = self._context.operation(None)
        with self._context.database.reading() as session:
            pipeline, name = self._parse(session, environment)
        found = resolve.resolve(self._context, revision, pipeline).release
        self.get(f"{found.pipeline}/{name}")
        with self._context.changing(operation) as (session, ledger):
            release = releases.require_release(session, found.release)
            _require_other(release, operation.actor)
            known = policies.approvals_of(session, release.release, name)
            if any(one.actor is not None and same_person(one.actor) == same_person(operation.actor) for one in known):
                return Approved(release, name, tuple(known), created=False)
            ledger.append(ReleaseApproved(release.pipeline, name, release.release, ledger.text(reason)))
            return Approved(release, name, tuple(policies.approvals_of(session, release.release, name)), created=True)

    def approvals(self, revision: str) -> tuple[Approval, ...]:
        """Return who approved a release, and for which environment, oldest first."""
        release = resolve.resolve(self._context, revision).release
        with self._context.database.reading() as session:
            return tuple(policies.approvals_of(session, release.release))

    def _parse(self, session: Session, environment: str) -> tuple[PipelineName, EnvironmentName]:
        before, slash, name = environment.rpartition("/")
        named = PipelineName.parse(before) if slash else None
        return resolve.choose_pipeline(self._context, session, named), EnvironmentName.parse(name)


def _changes(session: Session, pipeline: PipelineName, documents: Mapping[EnvironmentName, Document]) -> list[PolicyChange]:
    changes = []
    for name in sorted(documents):
        held = policies.recorded_policy(session, pipeline, name)
        after = read_policy(documents[name])
        unknown = next((gate for gate in after.gates if isinstance(gate, UnknownGate)), None)
        if unknown is not None:
            raise Invalid(f"the policy of {name} has something that is no gate: {unknown.written}; nothing was recorded")
        changes.append(PolicyChange(name, None if held is None else held.policy, after))
    return changes


def _check_name(session: Session, pipeline: PipelineName, environment: EnvironmentName) -> None:
    if releases.release_by_tag(session, pipeline, environment) is not None:
        raise AlreadyExists(f"{environment} is a tag of {pipeline}, so it cannot be an environment")


def _require_other(release: ReleaseRecord, actor: str) -> None:
    if release.author is None:
        raise OwnApproval(f"the name of who made {release.label} was erased, so nobody can tell who somebody else is; nothing was recorded")
    if same_person(release.author) == same_person(actor):
        raise OwnApproval(f"{actor} made {release.label}, and an approval is by somebody else; nothing was recorded")
