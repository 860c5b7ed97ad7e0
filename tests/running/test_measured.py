"""What was measured of two releases: metrics with intervals, cases that flipped, and when nobody can compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import lastgood
from lastgood.compare.change import Finding
from lastgood.compare.ranking import KIND_RANKS, MEASURED_CHANGE, MEASURED_DROP, MEASURED_NOTHING
from lastgood.errors import Integrity
from lastgood.registry import measured

FILE = """\
pipeline = "bot"

[components.prompts]
kind = "prompt"
path = "system.md"

[components.holdout]
kind = "dataset"
path = "holdout.jsonl"

[components.quality]
kind = "eval"
path = "evals/"
run = "python evals/run.py"
on = "holdout"
"""


class Bench:
    """A workspace with a suite, whose releases are judged by what a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in {
            "lastgood.toml": FILE,
            "evals/run.py": "1",
            "evals/cases.jsonl": '{"id": "c1"}\n',
            "holdout.jsonl": "{}\n",
        }.items():
            self.write(path, text)
        self.write("system.md", "0")
        self.registry = lastgood.init(root, actor="ada@example.org")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def release(self, prompt: str, passed: str = "", **scores: Mapping[str, float]) -> str:
        """Commit, and judge: a letter a case, `+` passed and `-` did not; or scores by case, by metric."""
        self.write("system.md", prompt)
        label = self.registry.commit(self.root, message=prompt).release.label
        if passed:
            self.judge(label, [{"case": f"c{number:02}", "passed": one == "+"} for number, one in enumerate(passed)])
        if scores:
            cases = next(iter(scores.values()))
            self.judge(label, [{"case": case, "scores": {name: one[case] for name, one in scores.items()}} for case in cases])
        return label

    def judge(self, label: str, cases: list[dict[str, object]], suite_from: str | None = None) -> None:
        data = "".join(json.dumps(case) + "\n" for case in cases).encode()
        self.registry.evaluations.record(data, self.registry.evaluations.suite(label, "quality", suite_from), {"how": "import"})

    def findings(self, old: str = "r1", new: str = "r2") -> list[Finding]:
        return list(self.registry.diff(old, new).findings)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "bot")
    yield bench
    bench.registry.close()


def test_a_sure_drop_is_the_most_important_line(bench: Bench) -> None:
    bench.release("a", "+" * 30)
    bench.release("b", "+" * 18 + "-" * 12)
    (finding,) = bench.findings()
    assert finding.summary.startswith("quality.pass_rate 1 → 0.6 (−0.4, between −0.5")
    assert finding.summary.endswith("; 12 cases newly failing (c18, c19, c20, …)")
    assert finding.rank == MEASURED_DROP < min(KIND_RANKS.values())
    assert finding.about == "evaluation"


def test_a_rise_is_told_with_what_it_mended(bench: Bench) -> None:
    bench.release("a", "-" * 15 + "+" * 15)
    bench.release("b", "+" * 30)
    (finding,) = bench.findings()
    assert "quality.pass_rate 0.5 → 1 (+0.5" in finding.summary
    assert finding.summary.endswith("15 cases newly passing (c00, c01, c02, …)")
    assert finding.rank == MEASURED_CHANGE


def test_what_chance_explains_is_said_to_be_chance(bench: Bench) -> None:
    bench.release("a", "++++-")
    bench.release("b", "+++-+")
    (finding,) = bench.findings()
    assert finding.summary == (
        "quality.pass_rate 0.8 → 0.8 (0, between −0.6 and +0.6, which chance explains); 1 case newly failing (c03);"
        " 1 case newly passing (c04)"
    )
    assert finding.rank == MEASURED_NOTHING


def test_the_same_scores_are_as_before(bench: Bench) -> None:
    bench.release("a", "+++-")
    bench.release("b", "+++-")
    assert [finding.summary for finding in bench.findings()] == ["quality.pass_rate 0.75, as before"]


def test_the_worst_metric_comes_first(bench: Bench) -> None:
    cases = [f"c{number}" for number in range(20)]
    bench.release("a", accuracy=dict.fromkeys(cases, 0.5), tone=dict.fromkeys(cases, 0.9), zeal=dict.fromkeys(cases, 0.1))
    bench.release("b", accuracy=dict.fromkeys(cases, 0.75), tone=dict.fromkeys(cases, 0.4), zeal=dict.fromkeys(cases, 0.1))
    (finding,) = bench.findings()
    assert finding.summary == (
        "quality.tone 0.9 → 0.4 (−0.5, between −0.5 and −0.5); quality.accuracy 0.5 → 0.75 (+0.25, between +0.25 and +0.25); "
        "quality.zeal 0.1, as before; 20 cases worse (c0, c1, c10, …); 20 cases better (c0, c1, c10, …)"
    )


def test_a_release_that_was_not_judged_is_named(bench: Bench) -> None:
    bench.release("a", "++")
    bench.release("b")
    (finding,) = bench.findings()
    assert finding.summary == "r2 was never evaluated by quality, r1 was"
    assert finding.details[0].to_json() == {"type": "not-judged", "suite": "quality", "release": "r2", "judged": "r1"}
    assert bench.findings("r2", "r1")[0].summary == "r2 was never evaluated by quality, r1 was"


def test_of_two_that_were_not_judged_nothing_is_said(bench: Bench) -> None:
    bench.release("a")
    bench.release("b")
    assert bench.findings() == []


def test_of_one_behavior_nothing_is_said(bench: Bench) -> None:
    bench.release("a", "++")
    bench.write("holdout.jsonl", '{"other": 1}\n')
    bench.release("a")
    assert bench.findings() == []


class TestAnotherSuite:
    def test_another_scorer_makes_scores_incomparable(self, bench: Bench) -> None:
        bench.release("a", "++++")
        bench.write("evals/run.py", "2")
        bench.release("b", "+---")
        (finding,) = bench.findings()
        assert finding.summary == "not comparable: the suite's scorer changed between them (quality.pass_rate 1 and 0.25)"
        assert finding.rank == MEASURED_CHANGE
        said = finding.details[0].to_json()
        assert (said["comparable"], said["why"]) == (False, measured.SCORER)
        assert "change" not in json.dumps(said["metrics"])

    def test_other_data_do_as_well(self, bench: Bench) -> None:
        bench.release("a", "++++")
        bench.write("holdout.jsonl", '{"other": 1}\n')
        bench.release("b", "+---")
        assert measured.DATA in bench.findings()[0].summary

    def test_other_cases_are_compared_where_both_have_them(self, bench: Bench) -> None:
        bench.release("a", "++++")
        bench.write("evals/cases.jsonl", '{"id": "c1"}\n{"id": "c2"}\n')
        bench.release("b", "++++-")
        (finding,) = bench.findings()
        assert finding.summary == f"quality.pass_rate 1, as before; {measured.CASES}"
        assert finding.details[0].to_json()["only_after"] == 1

    def test_the_newest_pair_of_one_suite_is_taken(self, bench: Bench) -> None:
        bench.release("a", "++++")
        bench.write("evals/run.py", "2")
        bench.release("b", "++++")
        bench.judge("r1", [{"case": "c00", "passed": True}], suite_from="r2")
        bench.judge("r2", [{"case": "c00", "passed": False}])
        assert bench.findings()[0].summary.startswith("quality.pass_rate 1 → 0 ")

    def test_nothing_in_common_is_said(self, bench: Bench) -> None:
        bench.release("a", "++")
        bench.release("b")
        bench.judge("r2", [{"case": "x", "score": 1}])
        assert bench.findings()[0].summary == "quality: r1 and r2 have no case and no metric in common"


def test_details_draw_a_table(bench: Bench) -> None:
    bench.release("a", "+" * 30)
    bench.release("b", "-" * 30)
    (detail,) = bench.findings()[0].details
    assert len(list(detail.shown())) == 1 + 12 + 1
    assert len(list(detail.shown(everything=True))) == 1 + 30
    assert json.loads(json.dumps(detail.to_json()))["metrics"][0]["metric"] == "quality.pass_rate"


def test_results_that_are_gone_are_no_silence(bench: Bench) -> None:
    bench.release("a", "+++")
    bench.release("b", "---")
    for pack in (bench.root / ".lastgood/store").rglob("*"):
        if pack.is_file():
            pack.write_bytes(b"")
    old, new = (bench.registry.releases.find(one).release for one in ("r1", "r2"))
    with pytest.raises(Integrity):
        measured.measured_findings(bench.registry.evaluations, bench.registry.files, old, new)
