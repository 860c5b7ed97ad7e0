"""Judging moves: evidence is gathered, the gates of the recorded policy decide, and what they say is recorded.

Rules: the policy that counts is the recorded one, never a file of whoever deploys. What decides is read in the very
transaction that moves the environment. What is heavy (reading the bytes of a release, the results of evaluations) is read
before it and cannot change, since it is known by its digest. A rollback passes by the gates: they are asked what they would
say, without reading bytes, and nothing that goes wrong with that keeps anybody from going back.

    gatekeeper = Gatekeeper(context)
    gatekeeper.prepare(pipeline, environment, release)                            # heavy, outside of any transaction
    judged = gatekeeper.admit(session, occasion, ledger.now, override=False)      # inside; refuses by raising
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastgood.catalog import environments, evaluations, incidents, policies, releases
from lastgood.catalog.database import Session
from lastgood.errors import Integrity, LastgoodError, NotFound
from lastgood.ids import ComponentName, ContentDigest, EnvironmentName, FileDigest, PipelineName
from lastgood.model.component import EvalContent
from lastgood.model.evaluation import LARGEST_RESULTS, Evaluation, Results, read_results, split_metric
from lastgood.model.gates.evidence import Evidence, KeptBytes, Measured, Unmeasured
from lastgood.model.gates.facts import BytesGate
from lastgood.model.gates.freeze import FreezeGate
from lastgood.model.gates.judgement import UNJUDGED, Judgement, require_passed
from lastgood.model.gates.metric import MetricGate
from lastgood.model.gates.policy import Policy
from lastgood.model.gates.soak import SoakGate
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
from lastgood.registry.preflight import preflight
from lastgood.registry.signing import is_signed
from lastgood.store.reader import ObjectReader
from lastgood.workspace.zones import find_zone

_Identity = tuple[ContentDigest, ContentDigest | None]
_Measures = Mapping[str, Measured | Unmeasured]
_MOST_RESULTS = 16
_FRESH = timedelta(minutes=5)
"""How long a look at the bytes of a release is not repeated by one process."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A move that is to be judged: where, to what, and what is live there now."""

    pipeline: PipelineName
    environment: EnvironmentName
    release: ReleaseRecord
    live: ReleaseRecord | None


class Gatekeeper:
    """Judges the moves of one registry's environments.

    Args:
        context: the registry.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = ObjectReader(context.backend, context.index)
        self._results = context.gate_memory.results
        self._kept = context.gate_memory.kept

    def prepare(self, pipeline: PipelineName, environment: EnvironmentName, release: ReleaseRecord) -> None:
        """Read what is heavy, so that a transaction that judges the move is short."""
        with self._context.database.reading() as session:
            recorded = policies.recorded_policy(session, pipeline, environment)
            if recorded is None:
                return
            current = environments.current_deployment(session, pipeline, environment)
            live = None if current is None else releases.require_release(session, current.release)
            occasion = Occasion(pipeline, environment, release, live)
            chosen = [pair for suite in _suites(recorded.policy) for pair in _evaluations(session, occasion, suite)]
        for one in chosen:
            if isinstance(one, Evaluation):
                self._read_results(one.results)
        asked = [gate for gate in recorded.policy.gates if isinstance(gate, BytesGate)]
        if asked:
            self._look_at_bytes(release, asked)

    def admit(self, session: Session, occasion: Occasion, now: datetime, *, override: bool) -> Judgement:
        """Return what the gates say of a move that they let through.

        Raises:
            GateRefused: one refuses, and nobody may or did override it.
        """
        return require_passed(occasion.environment, occasion.release.label, self.judge(session, occasion, now), override=override)

    def judge(self, session: Session, occasion: Occasion, now: datetime) -> Judgement:
        """Return what the gates of the recorded policy say of a move, by what is recorded at this moment."""
        recorded = policies.recorded_policy(session, occasion.pipeline, occasion.environment)
        if recorded is None:
            return UNJUDGED
        evidence = self._evidence(session, occasion, recorded.policy)
        return Judgement(recorded.policy.digest, recorded.policy.judge(evidence, now))

    def judge_rollback(self, session: Session, occasion: Occasion, now: datetime) -> Judgement:
        """Return what the gates would say of a rollback, which passes by them; that it cannot be told is no error."""
        try:
            judged = self.judge(session, occasion, now)
        except (LastgoodError, OSError):
            return UNJUDGED
        return UNJUDGED if judged.policy is None else replace(judged, skipped=True)

    def _evidence(self, session: Session, occasion: Occasion, policy: Policy) -> Evidence:
        release, live = occasion.release, occasion.live
        manifest = releases.release_manifest(session, release.release)
        mine, lives = self._measured(session, occasion, policy)
        soaks = [gate.environment for gate in policy.gates if isinstance(gate, SoakGate)]
        zones = {gate.zone for gate in policy.gates if isinstance(gate, FreezeGate)}
        kept = self._kept.get(release.release)
        return Evidence(
            release=release.label,
            behavior=release.behavior,
            author=release.author,
            approvers=tuple(one.actor for one in policies.approvals_of(session, release.release, occasion.environment)),
            components=frozenset(manifest.components),
            signed=is_signed(session, release.release),
            open_incidents=tuple(incidents.open_incidents(session, occasion.pipeline, occasion.environment)),
            stays=policies.presences(session, occasion.pipeline, soaks),
            measured=mine,
            live=None if live is None else live.label,
            live_measured=lives,
            kept=None if kept is None else kept[1],
            zones={name: zone for name in sorted(zones) if (zone := find_zone(name)) is not None},
        )

    def _measured(self, session: Session, occasion: Occasion, policy: Policy) -> tuple[_Measures, _Measures]:
        """Return the metrics of the release, and those of what is live."""
        chosen = {suite: _evaluations(session, occasion, suite) for suite in _suites(policy)}
        mine: dict[str, Measured | Unmeasured] = {}
        lives: dict[str, Measured | Unmeasured] = {}
        for metric in _metrics(policy):
            own, live = chosen[ComponentName(split_metric(metric)[0])]
            mine[metric] = self._measure(own, metric)
            if occasion.live is not None:
                lives[metric] = self._measure(live, metric)
        return mine, lives

    def _measure(self, evaluation: Evaluation | Unmeasured, metric: str) -> Measured | Unmeasured:
        if isinstance(evaluation, Unmeasured):
            return evaluation
        name = split_metric(metric)[1]
        results = self._read_results(evaluation.results)
        if isinstance(results, str):
            return Unmeasured(results)
        cases = results.of_metric(name)
        if not cases:
            known = ", ".join(evaluation.named_metrics)
            return Unmeasured(f"the evaluation of r{evaluation.number} by {evaluation.suite} has no {metric}; it has {known}")
        return Measured(f"r{evaluation.number}", results.metrics[name], cases)

    def _read_results(self, digest: FileDigest) -> Results | str:
        """Return the results that a file holds, or why they cannot be told."""
        known = self._results.get(digest)
        if known is None:
            try:
                known = read_results(self._reader.read_file(digest, limit=LARGEST_RESULTS))
            except LastgoodError as error:
                return f"the results of an evaluation cannot be read: {error.message}"
            if len(self._results) >= _MOST_RESULTS:
                self._results.clear()
            self._results[digest] = known
        return known

    def _look_at_bytes(self, release: ReleaseRecord, asked: Sequence[BytesGate]) -> None:
        now = self._context.clock.now()
        at, known = self._kept.get(release.release, (now, None))
        if known is not None and timedelta(0) <= now - at < _FRESH and _answers(known, asked, now):
            return
        try:
            found = preflight(self._context, None, release, read=False)
            before = found.verified_at
            if any(gate.verified and not gate.is_recent(before, now) for gate in asked):
                found, before = preflight(self._context, None, release, read=True), now
        except (Integrity, NotFound) as error:
            kept = KeptBytes(error.message)
        else:
            kept = KeptBytes(None, found.files, found.bytes, before)
        self._kept[release.release] = now, kept


def _answers(kept: KeptBytes, asked: Sequence[BytesGate], now: datetime) -> bool:
    """Whether what is known of bytes is good, and enough for all gates; what was wrong may have been repaired since."""
    return kept.problem is None and all(not gate.verified or gate.is_recent(kept.verified_at, now) for gate in asked)


def _metrics(policy: Policy) -> list[str]:
    return sorted({gate.metric for gate in policy.gates if isinstance(gate, MetricGate)})


def _suites(policy: Policy) -> list[ComponentName]:
    return sorted({ComponentName(split_metric(metric)[0]) for metric in _metrics(policy)})


def _evaluations(session: Session, occasion: Occasion, suite: ComponentName) -> tuple[Evaluation | Unmeasured, Evaluation | Unmeasured]:
    """Return the evaluations by which the release, and what is live, are judged.

    Of the release that is the newest one of its behavior by the suite that it carries itself, on the data which that names
    there, so that nobody passes by an easier suite; where it carries none of that name, the newest. What is live is judged
    by the same suite on the same data.
    """
    release = occasion.release
    carried = _carried(releases.release_manifest(session, release.release), suite)
    own = _newest(session, release, suite, carried, release.label)
    same = carried if isinstance(own, Unmeasured) else (own.suite_content, own.on)
    if occasion.live is None:
        return own, own
    return own, _newest(session, occasion.live, suite, same, release.label)


def _newest(session: Session, release: ReleaseRecord, suite: ComponentName, same: _Identity | None, target: str) -> Evaluation | Unmeasured:
    found = evaluations.evaluations_of(session, release.pipeline, release.behavior, suite)
    matching = [one for one in found if same in {None, (one.suite_content, one.on)}]
    if matching:
        return matching[0]
    run = f"lastgood eval run {release.label} --suite {suite}" + ("" if release.label == target else f" --suite-from {target}")
    how = f"was judged by another version of {suite}, or on other data" if found else f"was not judged by {suite}"
    return Unmeasured(f"{release.label} {how}: {run}")


def _carried(manifest: Manifest, suite: ComponentName) -> _Identity | None:
    carried = manifest.components.get(suite)
    if carried is None or not isinstance(carried.content, EvalContent):
        return None
    return carried.digest, on_content(manifest, carried.content)


def on_content(manifest: Manifest, suite: EvalContent) -> ContentDigest | None:
    """Return the content of the data that a suite of a release names, or None where it names none."""
    data = None if suite.on is None else manifest.components.get(suite.on)
    return None if data is None else data.digest
