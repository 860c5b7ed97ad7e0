"""Gates and windows of freeze in the workspace file: declared as they are written, and judged as they are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from lastgood.errors import InvalidWorkspace
from lastgood.model.gates.policy import read_policy
from lastgood.workspace.declaration import Workspace
from lastgood.workspace.file import parse_workspace

HEAD = 'pipeline = "p"\n[environments.prod]\n'


def parse(text: str) -> Workspace:
    return parse_workspace(text.encode(), Path("/somewhere"))


def test_it_declares_every_gate_and_they_can_be_judged() -> None:
    text = """
pipeline = "p"
[environments.prod]
override = false
gates = [
  { metric = "quality.accuracy", min = 0.9, max = 1, max_drop = 0.01, confidence = 0.95 },
  { approvals = 2, override = false },
  { soak = "staging", hours = 0.5 },
  { signed = true },
  { no_open_incident = true },
  { components = "prompts" },
  { bytes = "verified", within_hours = 24 },
  { bytes = "present" },
]
[[environments.prod.freeze]]
from = "Fri 16:00"
until = "Mon 08:00"
zone = "Europe/Berlin"
reason = "weekend"
[[environments.prod.freeze]]
from = 2026-12-20
until = 2027-01-04T08:00:00
zone = "UTC"
"""
    (prod,) = parse(text).environments
    policy = read_policy(prod.policy)

    assert [type(gate).__name__ for gate in policy.gates] == (
        "MetricGate ApprovalsGate SoakGate SignedGate NoOpenIncidentGate ComponentsGate BytesGate BytesGate FreezeGate FreezeGate".split()
    )
    assert not any(gate.overridable for gate in policy.gates)
    assert prod.policy["gates"][5] == {"components": ["prompts"]}  # type: ignore[index]  # a list, as written
    assert prod.freeze[1] == {"from": "2026-12-20T00:00:00", "until": "2027-01-04T08:00:00", "zone": "UTC"}


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        (
            'gates = [{ metric = "a.b", confidence = 0.9 }]',
            3,
            "environments.prod.gates[0]",
            "is no gate",
        ),
        (
            'gates = [{ metric = "a.b", min = 0.9, confidence = 0.9 }]',
            3,
            "environments.prod.gates[0]",
            "belongs to max_drop",
        ),
        (
            'gates = [{ metric = "a.b", min = 0.9, max = 0.8 }]',
            3,
            "environments.prod.gates[0]",
            "min is more than max",
        ),
        (
            'gates = [{ metric = "a.b", max_drop = 0.9, confidence = 95 }]',
            3,
            "environments.prod.gates[0].confidence",
            "less than",
        ),
        ("gates = [{ signed = false }]", 3, "environments.prod.gates[0].signed", "should be true"),
        (
            "gates = [{ no_open_incident = 1 }]",
            3,
            "environments.prod.gates[0].no_open_incident",
            "should be true",
        ),
        (
            "gates = [{ components = [] }]",
            3,
            "environments.prod.gates[0].components",
            "must not be empty",
        ),
        (
            'gates = [{ components = ["a b"] }]',
            3,
            "environments.prod.gates[0]",
            "is not a component name",
        ),
        (
            'gates = [{ bytes = "all" }]',
            3,
            "environments.prod.gates[0].bytes",
            "'present' or 'verified'",
        ),
        (
            'gates = [{ bytes = "present", within_hours = 3 }]',
            3,
            "environments.prod.gates[0]",
            "is no gate",
        ),
        ('override = "no"', 3, "environments.prod.override", "valid boolean"),
        (
            'freeze = [{ from = "Fri 16:00", until = "Mon 08:00" }]',
            3,
            "environments.prod.freeze[0].zone",
            "is missing",
        ),
        (
            'freeze = [{ from = "Fri 16:00", until = "Mon 08:00", zone = "Europe/Berln" }]',
            3,
            "environments.prod.freeze[0]",
            "no time zone 'Europe/Berln'",
        ),
        (
            'freeze = [{ from = "Fri 16:00", until = "Mon 08:00", zone = "Europe" }]',
            3,
            "environments.prod.freeze[0]",
            "no time zone",
        ),
        (
            'freeze = [{ from = "Fri 16:00", until = "Mon 08:00", zone = "../../etc/passwd" }]',
            3,
            "environments.prod.freeze[0]",
            "no time zone",
        ),
        (
            'freeze = [{ from = "Fri 25:00", until = "Mon 08:00", zone = "UTC" }]',
            3,
            "environments.prod.freeze[0].from",
            "no time of the week",
        ),
        (
            'freeze = [{ from = "Fri 16:00", until = "Fri 16:00", zone = "UTC" }]',
            3,
            "environments.prod.freeze[0]",
            "the same time",
        ),
        (
            'freeze = [{ from = "Fri 16:00", until = 2026-12-20, zone = "UTC" }]',
            3,
            "environments.prod.freeze[0]",
            "of one form",
        ),
        (
            'freeze = [{ from = 2026-12-21, until = 2026-12-20, zone = "UTC" }]',
            3,
            "environments.prod.freeze[0]",
            "until must be after from",
        ),
        (
            'freeze = [{ from = 2026-12-20T00:00:00Z, until = 2026-12-21, zone = "UTC" }]',
            3,
            "environments.prod.freeze[0].from",
            "no wall time",
        ),
        (
            'freeze = [{ from = 7, until = 2026-12-21, zone = "UTC" }]',
            3,
            "environments.prod.freeze[0].from",
            "time of the week",
        ),
        (
            '[[environments.prod.freeze]]\nform = "Fri 16:00"',
            4,
            "environments.prod.freeze[0].form",
            "did you mean from?",
        ),
    ],
)
def test_a_problem_is_told_with_its_line_and_key(text: str, line: int, key: str, message: str) -> None:
    with pytest.raises(InvalidWorkspace) as caught:
        parse(HEAD + text)
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    found = {one["key"]: (one["line"], one["message"]) for one in problems}

    assert found[key][0] == line
    assert message in found[key][1]


def test_one_who_writes_nothing_of_it_declares_an_open_policy() -> None:
    (prod,) = parse(HEAD).environments

    assert read_policy(prod.policy).is_open
