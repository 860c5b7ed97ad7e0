"""What a line of talk says for certain, and what keeps it from saying anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.importers.signals import claims_of, may_say_something, takes_back
from tests.model.values import effort

TOLD = [
    ("SEV1, the bot is down", "declared declared"),
    ("We have an incident in prod", "declared"),
    ("Incident: answers are garbage", "declared symptom"),
    ("Declaring a SEV2 incident.", "declared"),
    ("Quality dropped on refunds", "symptom"),
    ("customers are complaining, 40 tickets so far", "symptom impact"),
    ("prod is broken since 14:05", "symptom since"),
    ("can't believe it, prod is down", "declared"),
    ("rolled prod back to r41", "rolled-back"),
    ("Rolled back to r41, will write the postmortem later", "rolled-back"),
    ("rolling it back to r41", "rolling-back"),
    ("reverting to r41 now", "rolling-back"),
    ("we're back on r41", "rolled-back"),
    ("rollback is done", "rolled-back"),
    ("deployed `r42` to *prod*", "deployed"),
    ("r42 is live", "deployed"),
    ("hotfix is out, error rate is back down", "over"),
    ("took us 3h with 2 engineers", "effort"),
    ("that was preventable", "preventable"),
    ("near miss: caught it in staging", "near-miss"),
    ("it is r43", "suspected"),
    ("The eval is red. r43 was pushed to prod at noon.", "deployed"),
    ("> did you see it?\nyes, we have an outage", "declared"),
    ("no idea why, but prod is down", "declared"),
    ("this is not a false alarm: the api is down", "declared"),
]


@pytest.mark.parametrize(("line", "names"), TOLD, ids=[line for line, _ in TOLD])
def test_what_is_told_counts(line: str, names: str) -> None:
    assert sorted({claim.name for claim in claims_of(line)}) == sorted(set(names.split()))
    assert may_say_something(line)


MUTE = [
    *(
        "is the bot down?",
        "did we roll back to r41?",
        "Has anybody deployed to prod today?",
        "any idea whether prod is down",
        "SEV1 or SEV2?",
    ),
    *("if we deployed r42 to prod we would see", "if it happens again, prod is down for an hour", "what if prod was down"),
    *("we'll deploy r42 to prod", "about to roll out r42, deployed to staging first is the plan", "let's get r42 deployed to prod"),
    *("no incident", "it is not an incident", "not rolling back", "we didn't deploy r42 to prod", "r42 was never deployed to prod"),
    *("without having deployed r42 to prod", "nobody rolled back to r41", "we almost rolled back to r41", "instead of reverting to r41"),
    *(
        "after we deployed r42 to prod",
        "since we rolled back to r41 it is quiet",
        "the release we deployed to prod",
        "when we rolled back to r41",
    ),
    *("remember when prod was down", "last year we rolled back to r2", "yesterday we deployed r40 to prod", "the outage in march"),
    *("prod is down :joy:", "sev0: no more tea lol", "haha rolled back to monday", "SEV1 the coffee machine is down"),
    *("github is down", "anthropic has an outage", "their api is down", "there is an outage at our provider"),
    *("> SEV1: prod is down", "&gt; nothing".replace("&gt;", ">"), "```rolled back to r41```", 'he wrote "we have an incident in prod"'),
    *("rolled back the migration script", "reverted the pull request to r3", "deployed to dev", "pushed to the branch"),
    *("promoted to staff", "pushed the meeting to 4pm", "SEV1 is defined in the handbook", "incident training is at ten"),
    *("please roll back to r41", "should we declare an incident", "maybe we have an incident", "before we rolled back to r41"),
    *(
        "deploy r42 to prod tomorrow",
        "reverting to r41 tomorrow",
        "hallucination is a hard problem",
        "see https://x.y/sev1/rolled-back-to-r41",
    ),
]


@pytest.mark.parametrize("line", MUTE)
def test_what_is_asked_supposed_denied_quoted_or_not_meant_does_not(line: str) -> None:
    assert claims_of(line) == []


@pytest.mark.parametrize(
    ("line", "is_taken_back"),
    [
        ("false alarm, sorry", True),
        ("ok, not an incident", True),
        ("this is a drill", True),
        ("game day, everybody calm", True),
        ("this is not a drill", False),
        ("is it a false alarm?", False),
        ("not a false alarm", False),
        ("prod is down", False),
    ],
)
def test_a_false_alarm_takes_back(line: str, is_taken_back: bool) -> None:
    assert takes_back(line) is is_taken_back


@effort(100)
@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    claims_of(text)
    takes_back(text)


@pytest.mark.parametrize("piece", ["sev", "rolled a ", "not ", "if ", "in ", "since 1", "cost us about ", "`", '"', ">", "took us ", "a, "])
def test_a_long_line_takes_no_longer_than_its_length(piece: str) -> None:
    """The longest text that is read of a message; what takes quadratic time would take minutes here."""
    claims_of(piece * (4_000 // len(piece)))
