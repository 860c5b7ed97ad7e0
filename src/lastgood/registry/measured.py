"""What was measured of two releases: per suite, each metric before and after, with how sure that is.

Rules: evaluations count for a behavior, so releases that behave alike have the same ones, and of them nothing is said. Where
the suite is another one, but only its cases differ, the cases that both have are compared all the same, and that is said;
where its scorer or its data differ, or nobody can tell, they are not.

    for finding in measured_findings(registry.evaluations, registry.files, old, new):
        print(finding.summary)
"""

from __future__ import annotations

from lastgood.compare.change import Change, Finding
from lastgood.compare.evaluations import compare_results
from lastgood.compare.measured import Measured, NotJudged, find_measured, find_not_judged
from lastgood.compare.suites import ScorerChange
from lastgood.model.component import Component
from lastgood.model.evaluation import Evaluation
from lastgood.model.history import ReleaseRecord
from lastgood.model.placement import FileAccess
from lastgood.registry.compare import compare_sides, side_of
from lastgood.registry.evaluations import Evaluations, pair_of

CONFIDENCE = 0.95
SCORER = "the suite's scorer changed between them"
DATA = "the data that the suite runs on changed between them"
UNKNOWN = "the suite changed between them, and not all of it is at hand"
CASES = "the suite's cases changed, those that both have are compared"


def measured_findings(
    evaluations: Evaluations, files: FileAccess, old: ReleaseRecord, new: ReleaseRecord, confidence: float = CONFIDENCE
) -> list[Finding]:
    """Return what suites said of two releases, the most important first.

    Args:
        evaluations: of the registry.
        files: its bytes.
        old: the one release.
        new: the other.
        confidence: of the intervals.

    Raises:
        Integrity: results are not what was recorded.
    """
    if old.behavior == new.behavior:
        return []
    before, after = (evaluations.list(str(one.release)) for one in (old, new))
    findings = []
    for suite in sorted({one.suite for one in (*before, *after)}):
        judged = [any(one.suite == suite for one in side) for side in (before, after)]
        if all(judged):
            pair = pair_of(before, after, suite)
            findings.append(find_measured(_measure(evaluations, files, pair, (old, new), confidence)))
        else:
            missing, other = (old, new) if judged[1] else (new, old)
            findings.append(find_not_judged(NotJudged(str(suite), missing.label, other.label)))
    return sorted(findings, key=lambda one: one.rank)


def _measure(
    evaluations: Evaluations,
    files: FileAccess,
    pair: tuple[Evaluation, Evaluation],
    releases: tuple[ReleaseRecord, ReleaseRecord],
    confidence: float,
) -> Measured:
    before, after = pair
    compared = compare_results(evaluations.results(before), evaluations.results(after), confidence)
    why, remark = "", ""
    if before.on != after.on:
        why = DATA
    elif before.suite_content != after.suite_content:
        suites = (_suite_of(evaluations, before, releases), _suite_of(evaluations, after, releases))
        why = _why_not(suites, files)
        remark = "" if why else CASES
    return Measured(str(before.suite), releases[0].label, releases[1].label, compared, why, remark)


def _why_not(suites: tuple[Component | None, Component | None], files: FileAccess) -> str:
    """Return why two suites give scores that cannot be compared; nothing, where only their cases differ."""
    old, new = suites
    if old is None or new is None:
        return UNKNOWN
    changes = compare_sides(side_of({old.name: old}, files), side_of({new.name: new}, files), files).components
    details = [detail for change in changes if change.change is Change.CHANGED for detail in change.details]
    return SCORER if any(isinstance(one, ScorerChange) for one in details) else ""


def _suite_of(evaluations: Evaluations, evaluation: Evaluation, releases: tuple[ReleaseRecord, ...]) -> Component | None:
    """Return the suite as it judged a release: that of the release, of the one it was taken from, or of one of the two."""
    named = evaluation.runner.get("suite_from")
    for release in (str(evaluation.release), named, *(str(one.release) for one in releases)):
        component = evaluations.component(release, evaluation.suite) if isinstance(release, str) else None
        if component is not None and component.digest == evaluation.suite_content:
            return component
    return None
