"""Results of suites are read as they are meant, or refused with the line that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.canonical import canonical_json
from lastgood.errors import Invalid
from lastgood.model import evaluation
from lastgood.model.evaluation import read_results
from tests.model.values import effort

LINE = '{"case": "a", "score": 1}'


def test_metrics_are_means_over_the_cases() -> None:
    results = read_results(
        b'{"case": "a", "scores": {"accuracy": 1, "tone": 0.25}, "passed": true, "output": {"any": ["thing"]}, "seconds": 0.5}\r\n'
        b'{"case": "b", "scores": {"tone": 0.75, "accuracy": 0}, "passed": false, "input_digest": "9f"}'
    )

    assert dict(results.metrics) == {"accuracy": 0.5, "tone": 0.5, "pass_rate": 0.5}
    assert dict(results.of_metric("tone")) == {"a": 0.25, "b": 0.75}
    assert results.of_metric("score") == {}


def test_passed_alone_is_enough() -> None:
    assert dict(read_results(b'{"case": "a", "passed": true}\n').metrics) == {"pass_rate": 1.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no case"),
        ("\n", "line 1: it is empty"),
        (f"{LINE}\n\n{LINE}", "line 2: it is empty"),
        (f"{LINE}\n{LINE}", "line 2: the case 'a' stands on line 1 already"),
        ('{"case": "a", "score": NaN}', "line 1: this is not valid JSON: NaN is not JSON"),
        ('{"case": "a", "score": -Infinity}', "line 1: this is not valid JSON: -Infinity is not JSON"),
        ('{"case": "a", "score": 1e999}', "too large a number"),
        ('{"case": "a", "score": 1e300}', 'line 1: "score" must be a number of at most 1e+12'),
        ('{"case": "a", "score": ' + "9" * 400 + "}", '"score" must be a number'),
        ('{"case": "a", "score": true}', '"score" must be a number'),
        ('{"case": "a", "score": "1"}', '"score" must be a number'),
        ('{"case": "a", "score": null}', '"score" must be a number'),
        ('{"case": "a", "score": 1, "score": 2}', "stands twice"),
        ('{"case": "a", "score": 1, "scores": {"a": 1}}', "write one of them"),
        ('{"case": "a"}', "neither"),
        ('{"case": "a", "scores": {}}', "at least one number"),
        ('{"case": "a", "scores": [1]}', "at least one number"),
        ('{"case": "a", "scores": {"a.b": 1}}', "no name of a score"),
        ('{"case": "a", "scores": {"pass_rate": 1}}', "no name of a score"),
        ('{"case": "a", "scores": {"a": {}}}', 'the score "a" must be a number'),
        ('{"case": "a", "passed": 1}', '"passed" must be true or false'),
        ('{"case": 17, "score": 1}', '"case" must be a text'),
        ('{"case": "", "score": 1}', '"case" must be a text'),
        ('{"case": "' + "x" * 501 + '", "score": 1}', '"case" must be a text'),
        ('{"score": 1}', '"case" must be a text'),
        ('{"case": "a", "score": 1, "skore": 1}', "unknown key 'skore'"),
        ('{"case": "a", "score": 1, "seconds": -1}', "must not be negative"),
        ('{"case": "a", "score": 1, "seconds": "1"}', '"seconds" must be a number'),
        ('{"case": "a", "score": 1, "input_digest": 7}', '"input_digest" must be a text'),
        (f'{LINE}\n{{"case": "b", "passed": true}}', "line 2: it gives pass_rate, but the first line gives score"),
        (f'{LINE}\n{{"case": "b", "score": 1, "passed": true}}', "line 2: it gives pass_rate, score, but"),
        ('[{"case": "a", "score": 1}]', "expected a JSON object"),
        ('{"case": "a", "score": 1}{"case": "b", "score": 1}', "line 1: this is not valid JSON"),
        ('{"case": "a", "output": ' + "[" * 100_000 + ', "score": 1}', "line 1: this is not valid JSON"),
        ('{"case": "a", "output": ' + "[" * 70 + "]" * 70 + ', "score": 1}', "nested more than"),
        ('{"case": "\\ud800", "score": 1}', "not valid JSON"),
    ],
    ids=range(36),
)
def test_what_is_not_right_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_results(text.encode())

    assert told in refused.value.message


@pytest.mark.parametrize("data", [b"\xff\xfe", LINE.encode("utf-16"), b"\xef\xbb\xbf" + LINE.encode(), b"\x00" * 10])
def test_what_is_no_utf_8_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="line 1"):
        read_results(data)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = b"".join(b'{"case": "%d", "score": 1}\n' % number for number in range(4))
    monkeypatch.setattr(evaluation, "MOST_CASES", 3)
    with pytest.raises(Invalid, match="line 4: at most 3 cases"):
        read_results(many)
    monkeypatch.setattr(evaluation, "LARGEST_RESULTS", 20)
    with pytest.raises(Invalid, match="at most 20 are read"):
        read_results(many)


@effort(100)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | st.text(max_size=20).map(lambda junk: f"{LINE}{junk}\n".encode()))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        results = read_results(data)
    except Invalid:
        return
    assert results.cases
    assert canonical_json(dict(results.metrics))
