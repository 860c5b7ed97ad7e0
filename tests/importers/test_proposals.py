"""What threads tell of: incidents, deploys and rollbacks with the lines they come from, and nothing that no line says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lastgood.importers.archive import open_archive
from lastgood.importers.proposing import Proposal, What, propose
from lastgood.importers.slack import Export, Line, Speaker, Thread, read_export
from lastgood.model.changes.incidents import IncidentKind
from lastgood.registry.incident_protocol import Telling
from tests.importers.chatter import DISTRACTORS, MORE_DISTRACTORS, PLAIN
from tests.importers.talk import (
    BEGIN,
    CHANNELS,
    DEPLOYS,
    INCIDENTS,
    ROLLBACKS,
    STORIES,
    channels,
    message,
    users,
    write_export,
    write_files,
)

ANA, BEN = Speaker("Ana", ZoneInfo("Europe/Berlin")), Speaker("Ben")
AT = datetime(2026, 3, 2, 13, tzinfo=UTC)


def thread(*lines: str, reactions: Sequence[str] = (), channel: str = "support", at: datetime = AT) -> Thread:
    """A thread in which Ana and Ben write in turns, a line every five minutes."""
    said = [
        Line(channel, (ANA, BEN)[place % 2], at + timedelta(minutes=5 * place), text, tuple(reactions) if place == 0 else (), f"{place}.1")
        for place, text in enumerate(lines)
    ]
    return Thread("C1", "0.1", tuple(said))


def found(*lines: str, **more: object) -> list[Proposal]:
    return propose([thread(*lines, **more)], ["prod", "staging"])  # type: ignore[arg-type]  # those of `thread`


def the_incident(*lines: str) -> Proposal:
    (one,) = [proposal for proposal in found(*lines) if proposal.what is What.INCIDENT]
    return one


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    path = tmp_path_factory.mktemp("slack") / "export.zip"
    write_export(path)
    with open_archive(path) as archive:
        return read_export(archive)


class TestAWholeExport:
    def test_what_is_told_is_proposed_and_nothing_else(self, export: Export) -> None:
        """Forty channels, 50,000 messages, in which 6 incidents, 9 deploys and 5 rollbacks are told."""
        assert (export.messages, export.channels) == (50_000, len(CHANNELS))
        assert (len(CHANNELS), len(INCIDENTS), len(DEPLOYS), len(ROLLBACKS)) == (40, 6, 9, 5)
        proposals = propose(export.threads, ["prod"])
        told = {
            What.INCIDENT: [(one.channel, one.at) for one in INCIDENTS],
            What.DEPLOY: [(one.channel, one.at) for one in DEPLOYS],
            What.ROLLBACK: [(one.channel, one.at) for one in ROLLBACKS],
        }
        roots = {line.stamp: (each.lines[0].channel, each.lines[0].at) for each in export.threads for line in each.lines}
        for what, wanted in told.items():
            proposed = [roots[one.lines[0].stamp] for one in proposals if one.what is what]
            assert sorted(proposed) == sorted(wanted), what

    def test_every_field_cites_a_line_of_its_story(self, export: Export) -> None:
        said = {text.replace("`", "") for story in STORIES for _, _, text in story.lines}
        for one in propose(export.threads, ["prod"]):
            known = {name for name in Telling.__slots__ if getattr(one.telling, name) is not None} - {"kind"}
            assert known == one.cites.keys() - {"kind"}
            assert all(lines for lines in one.cites.values())
            assert {line.text.replace("`", "") for line in one.lines} <= said

    def test_the_fields_of_a_story(self, export: Export) -> None:
        first = next(one for one in propose(export.threads, ["prod"]) if one.what is What.INCIDENT)
        telling, day = first.telling, datetime(2026, 1, 14, tzinfo=UTC)
        assert telling.title == "SEV2: wrong answers about refunds in prod since 14:05"
        assert telling.started == day.replace(hour=13, minute=5), "14:05 in Berlin, where Ana lives"
        assert telling.detected == day.replace(hour=13, minute=12)
        assert telling.mitigated == day.replace(hour=13, minute=29), "rolled back, and not while rolling back"
        assert telling.closed == day.replace(hour=16, minute=42)
        assert (telling.environment, telling.release, telling.minutes, telling.preventable) == ("prod", "r43", 360, True)
        assert telling.impact == "34 customers were told a wrong sum"
        assert first.cites["release"][0].quote == "#incidents Chen Wei 2026-01-14 13:21 UTC: caused by r43, the policy section is gone"

    def test_the_same_export_is_read_the_same(self, export: Export) -> None:
        assert propose(export.threads, ["prod"]) == propose(export.threads[::-1], ["prod"])


class TestChatter:
    def test_no_two_lines_of_it_together_tell_of_anything(self) -> None:
        """Whoever answers what: neither words nor the circumstances around them add up to something that nobody meant."""
        pairs = [(one, other) for one in DISTRACTORS for other in DISTRACTORS]
        assert [(pair, [one.what for one in told]) for pair in pairs if (told := found(*pair, "ok", "ok", channel="incidents"))] == []

    def test_lines_of_other_people_tell_of_nothing(self) -> None:
        assert [line for line in MORE_DISTRACTORS if found(line, "ok")] == []

    def test_the_rest_of_it_says_nothing_at_all(self) -> None:
        assert propose([thread(*PLAIN)], ["prod"], least=0.01) == []


class TestIncidents:
    def test_one_kind_of_evidence_is_not_enough(self) -> None:
        assert found("SEV1") == []
        assert found("quality dropped", "hm", "let me see", "strange") == []
        assert [one.what for one in found("SEV1: quality dropped", "looking")] == [What.INCIDENT]

    @pytest.mark.parametrize(
        "last",
        ["false alarm, the dashboard was stale", "ok, not an incident", "it was only a drill", "this was a game day, thanks everybody"],
    )
    def test_what_somebody_takes_back_is_none(self, last: str) -> None:
        assert found("SEV1: wrong answers in prod", "mitigated", last) == []

    @pytest.mark.parametrize("last", ["this is not a drill", "was it a false alarm?", "no false alarm this time"])
    def test_what_nobody_takes_back_is_one(self, last: str) -> None:
        assert len(found("SEV1: wrong answers in prod", "mitigated", last)) == 1

    def test_a_joke_is_none_even_where_only_others_laugh(self) -> None:
        assert found("SEV1: quality dropped in prod", reactions=["joy"]) == []
        assert len(found("SEV1: quality dropped in prod", reactions=["rotating_light"])) == 1

    def test_what_no_line_says_stays_empty(self) -> None:
        telling = the_incident("SEV1: quality dropped", "looking").telling
        assert telling == Telling(title="SEV1: quality dropped", kind=IncidentKind.INCIDENT, detected=AT)

    @pytest.mark.parametrize(
        ("words", "started"),
        [
            ("since 13:30", AT.replace(hour=12, minute=30)),
            ("since about 9:05", AT.replace(hour=8, minute=5)),
            ("since 9am", AT.replace(hour=8)),
            ("since 12:30 UTC", AT.replace(hour=12, minute=30)),
            ("since 23:10", AT.replace(day=1, hour=22, minute=10)),
            ("since 12:30 PST", None),
            ("since 27:99", None),
            ("since yesterday", None),
        ],
    )
    def test_a_time_of_day_is_that_of_who_wrote_it(self, words: str, started: datetime | None) -> None:
        assert the_incident(f"SEV1: quality dropped {words}", "looking").telling.started == started

    def test_of_who_lives_nobody_knows_where_a_time_is_none(self) -> None:
        assert the_incident("SEV1: quality dropped", "since 13:30 indeed, wrong answers").telling.started is None

    def test_what_was_over_before_is_another_matter(self) -> None:
        assert the_incident("resolved, the queue is empty", "SEV1: quality dropped", "looking").telling.mitigated is None
        assert the_incident("SEV1: quality dropped", "resolved").telling.mitigated is not None

    def test_since_when_it_is_better_is_not_since_when_it_was_bad(self) -> None:
        assert the_incident("SEV1: quality dropped", "hm", "back to normal since 13:05").telling.started is None

    @pytest.mark.parametrize(
        ("line", "minutes"),
        [
            ("took us 3h with 2 engineers", 360),
            ("took us 90 minutes, three people", 270),
            ("took us 3h", None),
            ("2 engineers", None),
            ("4.5 engineer-hours in the end", 270),
        ],
    )
    def test_hours_are_those_of_people(self, line: str, minutes: int | None) -> None:
        assert the_incident("SEV1: quality dropped", line).telling.minutes == minutes

    def test_hours_may_be_told_in_two_lines(self) -> None:
        one = the_incident("SEV1: quality dropped", "took us 2h", "with 3 engineers")
        assert (one.telling.minutes, [line.text for line in one.cites["minutes"]]) == (360, ["took us 2h", "with 3 engineers"])

    @pytest.mark.parametrize(
        ("line", "cost"),
        [
            ("cost us €1,200 in refunds", "1,200.00 EUR"),
            ("it cost about 3k USD", "3,000.00 USD"),
            ("cost us GBP 99.50", "99.50 GBP"),
            ("cost us $500", "None"),
        ],
    )
    def test_costs_have_a_currency(self, line: str, cost: str) -> None:
        assert str(the_incident("SEV1: quality dropped", line).telling.cost) == cost

    @pytest.mark.parametrize(
        ("line", "preventable"), [("it was preventable", True), ("not preventable", False), ("that was hardly avoidable", False)]
    )
    def test_whether_it_could_have_been_prevented(self, line: str, preventable: bool) -> None:
        assert the_incident("SEV1: quality dropped", line).telling.preventable is preventable

    def test_a_near_miss_is_one(self) -> None:
        assert the_incident("near miss: wrong answers with r12", "caught it in staging").telling.kind is IncidentKind.NEAR_MISS

    def test_an_environment_is_one_that_is_known_or_means_production(self) -> None:
        assert the_incident("SEV1: quality dropped in production", "x").telling.environment == "prod"
        assert the_incident("SEV1: quality dropped in staging", "x").telling.environment == "staging"
        assert the_incident("SEV1: quality dropped in qa", "x").telling.environment is None


OTHER_WORDS = [
    ["Sev 3: refund amounts are off by a factor of 100", "hotfixing", "fixed in r88"],
    ["we're seeing a spike in 500s on the chat endpoint", "yes error rate 30%", "rolling back", "rolled back, all good"],
    ["production incident: the router sends everything to the billing queue", "on it", "mitigated by disabling the new model"],
    ["PSA: quality has dropped a lot since this morning's release", "12 customers complained", "rolled back to v2.3"],
    ["The classifier is misrouting about half of the tickets since 8:15", "support noticed", "back on r30"],
    ["chat is down", "looking into it", "back up, root cause was the expired key"],
    ["@here incident declared, sev2, embeddings service timing out", "5 tenants affected", "resolved"],
    ["bot is giving wrong answers about opening hours", "how many users?", "around 200 users", "reverted to previous prompt"],
    ["sev-1 for the voice agent, it hangs up on callers", "same here, every call", "fixed, it was the timeout config"],
    ["accuracy fell to 60% on the live traffic", "since when?", "since about 16:20", "reverted to r70"],
    ["We've got an outage in prod, nobody can log in", "status page updated", "resolved after 40 minutes"],
    ["the summariser is broken for long documents", "8 tickets", "hotfix is out"],
    ["customers are reporting empty replies", "I see it too", "mitigated"],
    ["p1 incident, latency through the roof", "db failover", "back to normal"],
]


@pytest.mark.parametrize("lines", OTHER_WORDS, ids=[lines[0] for lines in OTHER_WORDS])
def test_incidents_are_told_in_many_words(lines: list[str]) -> None:
    assert What.INCIDENT in [one.what for one in found(*lines)]


@pytest.mark.parametrize(
    "line",
    [
        *("Just deployed r91 to prod", "rollout of r95 to prod is complete", "prod is now on r96", "Deployed: r102 -> prod"),
        *("canary done, r103 is live in prod", "deploy to prod done (r104)", "r101 has been deployed to production"),
    ],
)
def test_deploys_are_told_in_many_words(line: str) -> None:
    assert [one.what for one in found(line)] == [What.DEPLOY]


@pytest.mark.parametrize(
    "line",
    [
        *("prod rolled back to r89", "we had to roll back to r87 in prod", "rollback of prod to r86 complete", "back to r88 on prod"),
        *("we rolled production back an hour later to r99", "reverting prod to r98", "rollback done, prod is back on r97"),
    ],
)
def test_rollbacks_are_told_in_many_words(line: str) -> None:
    assert [one.what for one in found(line)] == [What.ROLLBACK]


class TestMoves:
    @pytest.mark.parametrize(
        ("lines", "kinds"),
        [
            (["deployed r42 to prod"], ["deploy"]),
            (["deployed r42 to staging"], ["deploy"]),
            (["deployed r42 to qa"], ["deploy"]),
            (["deployed v1.2 to qa"], []),
            (["deployed r42 to dev"], []),
            (["deployed to prod"], ["deploy"]),
            (["deployed"], []),
            (["shipped the laptops", "confirmed"], []),
            (["released v2.3 of the theme", "looks good"], []),
            (["rolled prod back"], ["rollback"]),
            (["rolled back"], []),
            (["rolling back to r41"], []),
            (["reverting prod to r41"], ["rollback"]),
            (["deployed r42 to prod", "reverted prod to r41"], ["deploy", "rollback"]),
            (["deployed r42 to prod", "r42 is live in prod"], ["deploy"]),
            (["deployed r42 to prod", "deployed r43 to prod"], ["deploy", "deploy"]),
            (["rolling back to r41", "rolled back to r41", "rolled back prod"], ["rollback"]),
            (["SEV1: wrong answers", "rolling back to r41"], ["incident", "rollback"]),
        ],
        ids=str,
    )
    def test_they_are_told_by_what_where_and_which(self, lines: list[str], kinds: list[str]) -> None:
        assert [one.what.value for one in found(*lines)] == kinds

    def test_a_rollback_answers_to_the_incident_of_its_thread(self) -> None:
        incident, rollback = found("SEV1: wrong answers", "rolling back to r41", "rolled back to r41 in prod")
        assert rollback.answers == incident.source
        assert (rollback.telling.detected, rollback.telling.release) == (AT + timedelta(minutes=10), "r41")
        assert [line.text for line in rollback.cites["environment"]] == ["rolled back to r41 in prod"]
        assert incident.telling.mitigated == rollback.telling.detected

    def test_what_was_left_is_not_what_it_went_to(self) -> None:
        (one,) = found("rolled prod back from r43 to r42")
        assert one.telling.release == "r42"

    def test_sources_are_of_the_thread_and_never_the_same(self) -> None:
        one, two = found("deployed r42 to prod", "deployed r43 to prod")
        again = found("deployed r42 to prod", "deployed r43 to prod", "nice")
        assert one.source != two.source
        assert [one.source, two.source] == [each.source for each in again]


class TestReading:
    def test_names_channels_and_addresses_read_as_they_were_seen(self, tmp_path: Path) -> None:
        text = "<@U001> and <@U001|ben>: see <#C001|random>, <https://x.y|the page> &amp; <https://a.b> <!here> a &lt; b"
        assert self.lines(tmp_path, message(0, BEGIN, text))[0].text == (
            "@Ben Okafor and @ben: see #random, the page & https://a.b @here a < b"
        )

    def test_who_is_no_person_says_nothing(self, tmp_path: Path) -> None:
        bots = [
            message(0, BEGIN, "SEV1", subtype="bot_message", bot_id="B1"),
            {**message(0, BEGIN + timedelta(1), "SEV1"), "user": "UBOT"},
            {**message(0, BEGIN + timedelta(2), "SEV1"), "user": "USLACKBOT"},
            {**message(0, BEGIN + timedelta(3), "SEV1"), "user": None},
            message(0, BEGIN + timedelta(4), "SEV1", subtype="channel_topic"),
        ]
        assert self.lines(tmp_path, *bots) == []

    def test_who_left_is_known_by_what_the_message_says(self, tmp_path: Path) -> None:
        gone = {**message(0, BEGIN, "hello"), "user": "U999"}
        profiled = {**message(0, BEGIN + timedelta(1), "hello"), "user": "U998", "user_profile": {"real_name": "Zoe Gone"}}
        assert [line.speaker.name for line in self.lines(tmp_path, gone, profiled)] == ["U999", "Zoe Gone"]

    def test_an_answer_that_was_sent_to_the_channel_too_counts_once(self, tmp_path: Path) -> None:
        root = message(0, BEGIN, "SEV1: wrong answers in prod", thread=BEGIN)
        answer = message(1, BEGIN + timedelta(minutes=1), "mitigated", thread=BEGIN)
        lines = self.lines(tmp_path, root, answer, {**answer, "subtype": "thread_broadcast"})
        assert [line.text for line in lines] == ["SEV1: wrong answers in prod", "mitigated"]

    def test_direct_messages_are_not_read(self, tmp_path: Path) -> None:
        files = {"dms.json": [{"id": "D1", "members": []}], "D1/2026-01-05.json": [message(0, BEGIN, "SEV1")]}
        assert self.lines(tmp_path, message(0, BEGIN, "hello"), files=files)[0].text == "hello"

    def lines(self, folder: Path, *messages: object, files: Mapping[str, object] | None = None) -> list[Line]:
        path = folder / "export.zip"
        write_files(path, {"channels.json": channels(), "users.json": users(), "general/2026-01-05.json": list(messages), **(files or {})})
        with open_archive(path) as archive:
            return [line for each in read_export(archive).threads for line in each.lines]
