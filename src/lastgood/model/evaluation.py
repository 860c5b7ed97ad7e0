r"""Evaluations: what a suite said of a release, case by case, and the metrics that follow.

Rules: results are JSON lines, one a case, each `{"case": "c17"}` with `score`, or `scores` by name, and perhaps `passed`;
all lines give the same ones. A metric is the mean over all cases: of `score`, of each of `scores` under its name, and of
`passed` as `pass_rate`. What a reader could misunderstand is refused, and every refusal names its line.

    >>> results = read_results(b'{"case": "a", "score": 1, "passed": true}\n{"case": "b", "score": 0.5, "passed": false}\n')
    >>> dict(results.metrics), list(results.cases)
    ({'pass_rate': 0.5, 'score': 0.75}, ['a', 'b'])
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from lastgood.canonical import Json, JsonObject, parse_json_object
from lastgood.errors import Invalid
from lastgood.ids import BehaviorDigest, ComponentName, ContentDigest, FileDigest, ReleaseId
from lastgood.model.bootstrap import mean

LARGEST_RESULTS = 256 << 20
"""The most bytes that results may have."""
MOST_CASES = 1_000_000
LONGEST_CASE = 500
LARGEST_SCORE = 1e12
SCORE, PASS_RATE = "score", "pass_rate"

_KNOWN = frozenset({"case", "score", "scores", "passed", "output", "input_digest", "seconds"})
_SCORE_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
Scores = Mapping[str, float]


@dataclass(frozen=True)
class Results:
    """The results of a suite: the scores of each case, by their metrics' names, in the order of the file."""

    cases: Mapping[str, Scores]

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """The means over all cases, by name."""
        names = sorted(next(iter(self.cases.values())))
        return {name: mean(self.of_metric(name)) for name in names}

    def of_metric(self, name: str) -> Mapping[str, float]:
        """Return the scores of the cases under one metric; empty where it is none of these results."""
        return {case: scores[name] for case, scores in self.cases.items() if name in scores}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation as the registry recorded it; `metrics` have no suite's name before them."""

    sequence: int
    release: ReleaseId
    number: int
    behavior: BehaviorDigest
    suite: ComponentName
    suite_content: ContentDigest
    on: ContentDigest | None
    results: FileDigest
    cases: int
    metrics: Mapping[str, float]
    runner: Mapping[str, Json]
    recorded_at: datetime
    actor: str | None

    @property
    def named_metrics(self) -> Mapping[str, float]:
        """The metrics as gates name them, such as `quality.accuracy`."""
        return {f"{self.suite}.{name}": value for name, value in self.metrics.items()}


def split_metric(metric: str) -> tuple[str, str]:
    """Return the suite and the name of a metric such as `quality.accuracy`."""
    suite, _, name = metric.rpartition(".")
    return suite, name


def read_results(data: bytes) -> Results:
    """Read results from an untrusted source.

    Raises:
        Invalid: a line is not right, two lines are of one case, lines give different scores, or there is none.
    """
    if len(data) > LARGEST_RESULTS:
        raise Invalid(f"the results have {len(data):,} bytes; at most {LARGEST_RESULTS:,} are read")
    cases: dict[str, Scores] = {}
    lines: dict[str, int] = {}
    names: tuple[str, ...] | None = None
    for number, line in _lines(data):
        try:
            case, scores = _read_line(line)
        except Invalid as error:
            raise Invalid(f"line {number}: {error.message}") from error
        if case in cases:
            raise Invalid(f"line {number}: the case {case[:80]!r} stands on line {lines[case]} already")
        names = names or tuple(scores)
        if tuple(scores) != names:
            raise Invalid(f"line {number}: it gives {', '.join(scores)}, but the first line gives {', '.join(names)}")
        if len(cases) == MOST_CASES:
            raise Invalid(f"line {number}: at most {MOST_CASES:,} cases are read")
        cases[case], lines[case] = scores, number
    if not cases:
        raise Invalid("the results hold no case")
    return Results(cases)


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    yield from enumerate(lines, 1)


def _read_line(line: bytes) -> tuple[str, Scores]:
    if not line.strip():
        raise Invalid("it is empty")
    fields = parse_json_object(line)
    if strangers := sorted(fields.keys() - _KNOWN):
        raise Invalid(f"unknown key {strangers[0][:80]!r}; known are {', '.join(sorted(_KNOWN))}")
    case = fields.get("case")
    if not isinstance(case, str) or not case.strip() or len(case) > LONGEST_CASE:
        raise Invalid(f'"case" must be a text of 1 to {LONGEST_CASE} characters')
    _check_extras(fields)
    return case, dict(sorted(_scores_of(fields).items()))


def _scores_of(fields: JsonObject) -> dict[str, float]:
    found: dict[str, float] = {}
    if "score" in fields and "scores" in fields:
        raise Invalid('it has "score" and "scores"; write one of them')
    if "score" in fields:
        found[SCORE] = _number(fields["score"], '"score"')
    if "scores" in fields:
        found |= _named_scores(fields["scores"])
    if "passed" in fields:
        passed = fields["passed"]
        if not isinstance(passed, bool):
            raise Invalid('"passed" must be true or false')
        found[PASS_RATE] = float(passed)
    if not found:
        raise Invalid('it has neither "score" nor "scores" nor "passed"')
    return found


def _named_scores(value: Json) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise Invalid('"scores" must be an object with at least one number')
    for name in value:
        if not _SCORE_NAME.fullmatch(name) or name in {SCORE, PASS_RATE}:
            raise Invalid(f"{name[:80]!r} is no name of a score: letters, digits, '_' and '-', and not {SCORE} or {PASS_RATE}")
    return {name: _number(one, f'the score "{name}"') for name, one in value.items()}


def _check_extras(fields: JsonObject) -> None:
    digest = fields.get("input_digest")
    if digest is not None and not isinstance(digest, str):
        raise Invalid('"input_digest" must be a text')
    if fields.get("seconds") is not None and _number(fields["seconds"], '"seconds"') < 0:
        raise Invalid('"seconds" must not be negative')


def _number(value: Json, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_SCORE:  # a NaN compares false
        raise Invalid(f"{what} must be a number of at most {LARGEST_SCORE:g}")
    return float(value)
