"""From a revision expression to the one release it means.

Rules: an expression means one release or is an error that says what there is instead; a time is resolved by the
registry's clock and said aloud in UTC and in the zone it was written in.

    resolve(context, "prod@3w").release.label
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from lastgood.catalog import environments, releases
from lastgood.catalog.database import Session
from lastgood.errors import InvalidRevision, NotFound
from lastgood.ids import EnvironmentName, PipelineName, TagName
from lastgood.model import revision as expressions
from lastgood.model.environment import last_good
from lastgood.model.history import Deployment, ReleaseRecord
from lastgood.model.revision import Revision, parse_revision
from lastgood.registry.context import Context
from lastgood.registry.move import running_canary


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a revision means.

    Attributes:
        text: the expression.
        release: the release.
        at: the instant a time expression means, in the zone it was written in.
        deployment: the deployment it was found by, where it names an environment.
    """

    text: str
    release: ReleaseRecord
    at: datetime | None = None
    deployment: Deployment | None = None


def resolve(context: Context, text: str, pipeline: PipelineName | None = None) -> Resolved:
    """Find the release that an expression means.

    Raises:
        InvalidRevision: it has none of the forms, or names several releases.
        NotFound: there is no such release.
    """
    revision = parse_revision(text, context.zone)
    with context.database.reading() as session:
        return _Resolver(context, session, revision, pipeline).resolve()


def choose_pipeline(context: Context, session: Session, named: PipelineName | None) -> PipelineName:
    """Return the pipeline that is meant: the named one, the workspace's, or the only one there is.

    Raises:
        NotFound: there is none, or none of that name.
        InvalidRevision: there are several and none was named.
    """
    known = releases.pipelines(session)
    wanted = named or context.pipeline
    if wanted is not None and (wanted in known or named is None):
        return wanted
    if wanted is not None:
        raise NotFound(f"there is no pipeline {wanted}; there is {_listed(known) or 'none yet'}")
    if not known:
        raise NotFound("this registry has no release yet", hint='lastgood commit -m "…"')
    if len(known) > 1:
        raise InvalidRevision(f"this registry has several pipelines: {_listed(known)}; say which", hint=f"for example {known[0]}/latest")
    return known[0]


def _listed(names: list[PipelineName]) -> str:
    return ", ".join(names)


class _Resolver:
    """Resolves one expression inside one reading session."""

    def __init__(self, context: Context, session: Session, revision: Revision, pipeline: PipelineName | None) -> None:
        self._context = context
        self._session = session
        self._text = revision.text
        self._place = revision.place
        self._said = revision.pipeline
        self._named = revision.pipeline or pipeline

    @cached_property
    def _pipeline(self) -> PipelineName:
        """The pipeline that is meant; found out only where it matters, since a digest is one release whatever it is."""
        return choose_pipeline(self._context, self._session, self._named)

    def resolve(self) -> Resolved:
        place = self._place
        match place:
            case expressions.ByNumber(number):
                found = releases.release_by_number(self._session, self._pipeline, number)
                return self._plain(found, f"there is no release r{number} of {self._pipeline}")
            case expressions.Latest():
                found = releases.latest_release(self._session, self._pipeline)
                return self._plain(found, f"{self._pipeline} has no release yet", hint='lastgood commit -m "…"')
            case expressions.ByPrefix(prefix):
                return self._by_prefix(prefix)
            case expressions.ByName(name):
                return self._by_name(name)
            case expressions.Good(environment):
                return self._good(environment)
            case expressions.Canary(environment):
                return self._canary(environment)
            case expressions.Before(environment, steps):
                return self._deployed(
                    environments.deployment_before(self._session, self._pipeline, environment, steps),
                    environment,
                    f"{environment} has no {steps + 1} deployments",
                )
            case expressions.AtTime(environment, at):
                return self._at(environment, at)
            case expressions.Ago(environment, ago):
                return self._at(environment, self._ago(ago))

    def _ago(self, ago: timedelta) -> datetime:
        try:
            return self._context.clock.now() - ago
        except OverflowError:
            raise InvalidRevision(f"{self._text} is before time began") from None

    def _plain(self, found: ReleaseRecord | None, otherwise: str, hint: str = "lastgood log") -> Resolved:
        if found is None:
            raise NotFound(otherwise, hint=hint)
        return Resolved(self._text, found)

    def _by_prefix(self, prefix: str) -> Resolved:
        found = [one for one in releases.releases_by_prefix(self._session, prefix) if self._said in {None, one.pipeline}]
        if len(found) > 1:
            several = ", ".join(f"{one.release.short} ({one.pipeline} {one.label})" for one in found)
            raise InvalidRevision(f"several releases begin with {prefix}: {several}", hint="write more digits")
        return self._plain(found[0] if found else None, f"no release's digest begins with {prefix}")

    def _by_name(self, name: str) -> Resolved:
        deployment = environments.current_deployment(self._session, self._pipeline, EnvironmentName(name))
        if deployment is not None:
            return self._deployed(deployment, EnvironmentName(name), "")
        tagged = releases.release_by_tag(self._session, self._pipeline, TagName(name))
        return self._plain(tagged, f"{self._pipeline} has no environment and no tag {name}")

    def _canary(self, environment: EnvironmentName) -> Resolved:
        found = self._deployed(environments.current_deployment(self._session, self._pipeline, environment), environment, "").deployment
        if found is None or found.canary is None:
            raise NotFound(f"no canary runs in {environment}", hint=f"lastgood env show {environment}")
        return Resolved(self._text, releases.require_release(self._session, found.canary), deployment=found)

    def _good(self, environment: EnvironmentName) -> Resolved:
        marks = environments.marks(self._session, self._pipeline, environment)
        current = environments.current_deployment(self._session, self._pipeline, environment)
        canary = running_canary(self._session, current)
        entry = last_good(environments.stack(self._session, self._pipeline, environment), marks, canary)
        if entry is None:
            raise NotFound(
                f"{environment} has no earlier release that is neither bad nor suspect",
                hint=f"lastgood log --env {environment}",
            )
        return Resolved(self._text, releases.require_release(self._session, entry.release))

    def _at(self, environment: EnvironmentName, at: datetime) -> Resolved:
        found = environments.deployment_at(self._session, self._pipeline, environment, at)
        resolved = self._deployed(found, environment, f"{environment} had no deployment yet at {at.isoformat(timespec='seconds')}")
        return Resolved(self._text, resolved.release, at, resolved.deployment)

    def _deployed(self, found: Deployment | None, environment: EnvironmentName, otherwise: str) -> Resolved:
        if found is None:
            never = environments.current_deployment(self._session, self._pipeline, environment) is None
            message = f"{self._pipeline} has no environment {environment}" if never else otherwise
            hint = "lastgood env list" if never else f"lastgood log --env {environment}"
            raise NotFound(message, hint=hint)
        return Resolved(self._text, releases.require_release(self._session, found.release), deployment=found)
