"""A Slack export as a team of sixty leaves it behind: forty channels of chatter, in which a few threads tell what happened.

Deterministic: the same seed writes the same zip. The chatter has what a careless reader takes for news: questions, plans, jokes,
drills, other people's outages, deploys to somewhere else, quotes, bots, and talk of incidents of last year.

    write_export(path)
    INCIDENTS, DEPLOYS, ROLLBACKS          # what is told in it, and nothing else is
"""

from __future__ import annotations

import json
import random
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.importers.chatter import BOTS, DISTRACTORS, PLAIN

BEGIN = datetime(2026, 1, 5, 7, tzinfo=UTC)
DAYS = 120
PEOPLE = [
    *(
        "Ana Lima",
        "Ben Okafor",
        "Chen Wei",
        "Dana Novak",
        "Emil Berg",
        "Fatima Zahra",
        "Goran Ilic",
        "Hana Sato",
        "Ivan Petrov",
        "Jana Kral",
    ),
    *(
        "Kofi Mensah",
        "Lena Vogel",
        "Marta Ruiz",
        "Nils Holm",
        "Olga Sidorova",
        "Pablo Diaz",
        "Quinn Reed",
        "Rosa Conti",
        "Sven Dahl",
        "Tuva Moen",
    ),
]
ZONES = ["Europe/Berlin", "Europe/Lisbon", "America/New_York", "Asia/Tokyo"]
CHANNELS = [
    *(
        "general",
        "random",
        "support-bot",
        "support-bot-ops",
        "incidents",
        "on-call",
        "ml-platform",
        "data",
        "search",
        "checkout",
        "frontend",
    ),
    *("mobile", "infra", "security", "hiring", "design", "product", "sales", "marketing", "customer-success", "finance", "legal", "office"),
    *("berlin", "lisbon", "books", "music", "running", "food", "pets", "standup", "retro", "reading-group", "papers", "evals", "prompts"),
    *("releases", "ci", "alerts-bots", "help-desk"),
]


@dataclass(frozen=True, slots=True)
class Told:
    """A thread that tells of something: where, when, who says what how many minutes after its first line, and what it is."""

    channel: str
    day: int
    clock: str
    lines: Sequence[tuple[int, int, str]]
    incident: bool = False
    deploys: int = 0
    rollbacks: int = 0
    reactions: tuple[str, ...] = field(default=())

    @property
    def at(self) -> datetime:
        """When its first line is written."""
        hour, minute = self.clock.split(":")
        return (BEGIN + timedelta(days=self.day)).replace(hour=int(hour), minute=int(minute))


STORIES = [
    Told(
        "incidents",
        9,
        "13:12",
        [
            (0, 0, "SEV2: wrong answers about refunds in prod since 14:05"),
            (1, 3, "looking. quality dropped right after the new prompt"),
            (2, 9, "caused by r43, the policy section is gone"),
            (1, 14, "rolling back to r42"),
            (1, 17, "rolled back prod to r42, answers look right again"),
            (0, 31, "34 customers were told a wrong sum. Support is calling them."),
            (2, 200, "took us 3h with 2 engineers. It was preventable: a gate would have stopped it."),
            (0, 210, "all clear, closing this"),
        ],
        incident=True,
        rollbacks=1,
        reactions=("rotating_light", "eyes"),
    ),
    Told(
        "support-bot-ops",
        24,
        "08:40",
        [
            (3, 0, "the bot is broken, customers are complaining that it answers in English only"),
            (4, 4, "confirmed. All German tickets, 120 conversations this morning"),
            (3, 20, "reverting to r47"),
            (3, 26, "reverted to r47 in production, back to normal"),
            (4, 300, "cost us about €1,200 in refunds"),
        ],
        incident=True,
        rollbacks=1,
    ),
    Told(
        "on-call",
        41,
        "22:05",
        [
            (5, 0, "we have an incident: search latency has tripled, timeouts on every second request"),
            (6, 6, "I see 5xx from the reranker"),
            (5, 25, "mitigated: I turned the reranker off with the feature flag"),
            (6, 60, "the root cause is the new index. 3 engineers, took us 2h"),
        ],
        incident=True,
        reactions=("fire",),
    ),
    Told(
        "search",
        63,
        "10:15",
        [
            (8, 0, "accuracy dropped from 0.91 to 0.74 in production, since 9:50"),
            (7, 5, "users are seeing empty answers too"),
            (8, 15, "it is r55. Rolled back to r54"),
            (7, 22, "confirmed, error rate is back down"),
        ],
        incident=True,
        rollbacks=1,
    ),
    Told(
        "checkout",
        80,
        "15:30",
        [
            (9, 0, "declaring an incident, checkout is down"),
            (10, 2, "paged the payment people"),
            (9, 12, "hotfix r58 deployed to prod"),
            (9, 18, "recovered, orders are flowing"),
            (10, 45, "not preventable, the provider changed the schema without telling us"),
        ],
        incident=True,
        deploys=1,
    ),
    Told(
        "support-bot",
        101,
        "11:02",
        [
            (12, 0, "the bot hallucinates order numbers, 15 tickets since 11:30"),
            (11, 3, "same here, all with the new retrieval"),
            (12, 9, "rolled the bot back to r61 in prod"),
            (11, 16, "resolved, thanks"),
        ],
        incident=True,
        rollbacks=1,
    ),
    Told("releases", 3, "09:00", [(13, 0, "deployed r40 to prod"), (14, 2, "looks good")], deploys=1),
    Told(
        "releases", 12, "14:20", [(13, 0, "r44 is now live in production :rocket:"), (15, 4, "verified")], deploys=1, reactions=("rocket",)
    ),
    Told("support-bot", 19, "10:00", [(16, 0, "shipped r46 to prod with the shorter greeting"), (0, 9, "nice")], deploys=1),
    Told(
        "ml-platform",
        33,
        "16:45",
        [(17, 0, "rolled out v1.8.2 of the router to production, canary first"), (1, 8, "metrics are flat")],
        deploys=1,
    ),
    Told("releases", 47, "09:30", [(13, 0, "we deployed `r52` to production this minute"), (14, 1, ":+1:")], deploys=1),
    Told("search", 70, "13:00", [(7, 0, "promoted r56 from the canary to prod"), (8, 6, "smoke tests passed")], deploys=1),
    Told("prompts", 77, "10:10", [(18, 0, "released r57 to production, it has the new policy wording"), (19, 3, "great")], deploys=1),
    Told("releases", 95, "09:05", [(13, 0, "r60 deployed to prod, all evals green"), (15, 30, "all green here, too")], deploys=1),
    Told(
        "support-bot",
        110,
        "09:00",
        [(16, 0, "reverted prod to r61, the greeting test is over"), (0, 5, "ok")],
        rollbacks=1,
    ),
]
INCIDENTS = [one for one in STORIES if one.incident]
DEPLOYS = [one for one in STORIES for _ in range(one.deploys)]
ROLLBACKS = [one for one in STORIES for _ in range(one.rollbacks)]


def write_export(path: Path, messages: int = 50_000, seed: int = 7) -> None:
    """Write an export with so many messages."""
    days: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    written = [*_stories(), *_chatter(messages - sum(len(one.lines) for one in STORIES), random.Random(seed))]
    for channel, one in written:
        day = datetime.fromtimestamp(float(one["ts"]), UTC).strftime("%Y-%m-%d")
        days[channel, day].append(one)
    files: dict[str, object] = {
        f"{channel}/{day}.json": sorted(found, key=lambda one: float(one["ts"])) for (channel, day), found in days.items()
    }
    write_files(path, {"channels.json": channels(), "users.json": users(), **files})


def write_files(path: Path, files: Mapping[str, object]) -> None:
    """Write a zip of JSON files; bytes are written as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (2026, 6, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else json.dumps(content))


def channels() -> list[dict[str, Any]]:
    """Return the channels as Slack lists them."""
    return [{"id": f"C{place:03}", "name": name, "members": []} for place, name in enumerate(CHANNELS)]


def users() -> list[dict[str, Any]]:
    """Return the people and a bot as Slack lists them."""
    people = [
        {"id": f"U{place:03}", "name": name.split()[0].lower(), "tz": ZONES[place % 4], "is_bot": False, "profile": {"real_name": name}}
        for place, name in enumerate(PEOPLE)
    ]
    return [*people, {"id": "UBOT", "name": "deploybot", "is_bot": True, "profile": {"real_name": "Deploy Bot"}}]


def message(who: int, at: datetime, text: str, *, thread: datetime | None = None, **more: object) -> dict[str, Any]:
    """Return a message as Slack writes it; of an answer `thread` is when the first message was."""
    said = {"type": "message", "user": f"U{who:03}", "text": text, "ts": _stamp(at), "team": "T1", **more}
    return said if thread is None else {**said, "thread_ts": _stamp(thread)}


def _stamp(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def _stories() -> Iterator[tuple[str, dict[str, Any]]]:
    for story in STORIES:
        for place, (who, minutes, text) in enumerate(story.lines):
            more = (
                {"reactions": [{"name": name, "count": 2, "users": []} for name in story.reactions]}
                if place == 0 and story.reactions
                else {}
            )
            yield story.channel, message(who, story.at + timedelta(minutes=minutes), text, thread=story.at, **more)


def _chatter(messages: int, draw: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    thread: tuple[str, datetime] | None = None
    for place in range(messages):
        at = BEGIN + timedelta(days=draw.randrange(DAYS), seconds=draw.randrange(36_000), microseconds=place)
        channel = draw.choice(CHANNELS)
        kind = draw.random()
        if kind < 0.03:
            yield channel, message(0, at, draw.choice(BOTS), subtype="bot_message", bot_id="B1")
        elif kind < 0.04:
            yield channel, message(draw.randrange(20), at, "<@U001> has joined the channel", subtype="channel_join")
        elif kind < 0.34 and thread is not None:
            later = thread[1] + timedelta(seconds=draw.randrange(30, 7_200), microseconds=place)
            yield thread[0], message(draw.randrange(20), later, _words(draw), thread=thread[1])
        else:
            thread = (channel, at) if draw.random() < 0.5 else thread
            yield channel, message(draw.randrange(20), at, _words(draw))


def _words(draw: random.Random) -> str:
    said = draw.choice(DISTRACTORS) if draw.random() < 0.12 else draw.choice(PLAIN)
    return f"{said} <@U{draw.randrange(20):03}>" if draw.random() < 0.05 else said
