"""Reading a Slack export: who wrote what in which thread, without joining, deleting or bot messages.

The form is Slack's (https://slack.com/help/articles/220556107): `channels.json` and `groups.json`, `users.json`, and one file a
day in a folder a channel. Direct messages are not read. What a bot posts is left out: it is nobody who tells. A message
that has not the form of one is passed over and counted; a file that has not its form refuses the export.

    export = read_export(archive)
    export.threads[0].lines[0].text
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from operator import attrgetter

from lastgood.errors import InvalidArchive
from lastgood.importers.archive import Archive
from lastgood.workspace.zones import find_zone

_DAY = re.compile(r"([^/]+)/\d{4}-\d{2}-\d{2}\.json")
_STAMP = re.compile(r"\d{1,11}\.\d{1,9}", re.ASCII)
_TOLD = frozenset({None, "thread_broadcast", "me_message", "file_share"})
_MARKUP = re.compile(r"<([^<>]*)>")
_MOST_LINES = 3_000_000
_LONGEST_TEXT = 4_000
_DAY_SECONDS = 86_400
_SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who writes: the name that others see, and the zone they live in, if the export says so."""

    name: str
    zone: tzinfo | None = None
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One message.

    Attributes:
        channel: where it was written, without the `#`.
        speaker: by whom.
        at: when.
        text: what, with names in the place of Slack's ids.
        reactions: the names of the reactions to it.
        stamp: Slack's own name of it in its channel.
    """

    channel: str
    speaker: Speaker
    at: datetime
    text: str
    reactions: tuple[str, ...]
    stamp: str

    @property
    def quote(self) -> str:
        """The line as it is cited."""
        return f"#{self.channel} {self.speaker.name} {self.at:%Y-%m-%d %H:%M} UTC: {self.text}"


@dataclass(frozen=True, slots=True)
class Thread:
    """A message and the answers to it, in order; `root` is the stamp of the first, and `channel` Slack's id of the channel."""

    channel: str
    root: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """What was read: threads in order of channel and time, how many messages they have, and how many were no messages."""

    threads: tuple[Thread, ...]
    channels: int
    messages: int
    passed_over: int


def read_export(archive: Archive, progress: Callable[[int, int], None] | None = None) -> Export:
    """Read an export.

    Args:
        archive: the zip.
        progress: told how many files more were read, and how many messages are in them.

    Raises:
        InvalidArchive: it is no Slack export, or damaged.
    """
    speakers = dict(_speakers(_list(archive, "users.json")))
    channels = dict(_channels(archive, "channels.json"))
    if "groups.json" in archive.names:
        channels |= dict(_channels(archive, "groups.json"))
    reader = _Reader(speakers)
    for name in archive.names:
        day = _DAY.fullmatch(name)
        if day is not None and day[1] in channels:
            count = reader.read_day(channels[day[1]], day[1], _list(archive, name))
            if progress is not None:
                progress(1, count)
    return Export(tuple(reader.threads()), len(channels), reader.messages, reader.passed_over)


class _Reader:
    """Gathers messages into threads."""

    def __init__(self, speakers: Mapping[str, Speaker]) -> None:
        self._speakers = speakers
        self._threads: dict[tuple[str, str], list[Line]] = defaultdict(list)
        self.messages = 0
        self.passed_over = 0

    def read_day(self, channel: str, name: str, messages: list[object]) -> int:
        """Take in the messages of one day."""
        self.messages += len(messages)
        if self.messages > _MOST_LINES:
            raise InvalidArchive(f"the export has more than {_MOST_LINES:,} messages; nothing was recorded", details={"reason": "too-many"})
        for one in messages:
            if not isinstance(one, dict) or not _is_stamp(one.get("ts")) or not isinstance(one.get("text", ""), str):
                self.passed_over += 1
                continue
            speaker = self._speaker(one)
            if speaker.is_bot or one.get("subtype") not in _TOLD:
                continue
            root = one["thread_ts"] if _is_stamp(one.get("thread_ts")) else one["ts"]
            self._threads[channel, root].append(self._line(name, speaker, one))
        return len(messages)

    def threads(self) -> Iterator[Thread]:
        """Yield the threads in order of channel and time."""
        for (channel, root), lines in sorted(self._threads.items(), key=lambda item: (item[1][0].channel, float(item[0][1]), item[0])):
            # An answer that was also sent to the channel stands in the export twice.
            unique = {line.stamp: line for line in lines}
            yield Thread(channel, root, tuple(sorted(unique.values(), key=attrgetter("at", "stamp"))))

    def _line(self, channel: str, speaker: Speaker, one: Mapping[str, object]) -> Line:
        stamp = str(one["ts"])
        at = datetime.fromtimestamp(float(stamp), UTC)
        return Line(channel, speaker, at, self._plain(str(one.get("text", ""))[:_LONGEST_TEXT]), tuple(_reactions(one)), stamp)

    def _speaker(self, one: Mapping[str, object]) -> Speaker:
        who = one.get("user")
        known = self._speakers.get(who) if isinstance(who, str) else None
        is_bot = "bot_id" in one or one.get("subtype") == "bot_message" or who == _SLACKBOT or not isinstance(who, str)
        if known is not None:
            return known if known.is_bot or not is_bot else Speaker(known.name, known.zone, is_bot=True)
        profile = one.get("user_profile")
        named = _name(profile) if isinstance(profile, dict) else ""
        return Speaker(named or str(who or "somebody"), is_bot=is_bot)

    def _plain(self, text: str) -> str:
        """Return a text as its readers saw it."""
        return html.unescape(_MARKUP.sub(self._reference, text))

    def _reference(self, found: re.Match[str]) -> str:
        what, _, label = found[1].partition("|")
        if what.startswith("@"):
            known = self._speakers.get(what[1:])
            return f"@{label or (known.name if known else what[1:])}"
        if what.startswith("#"):
            return f"#{label or what[1:]}"
        return f"@{what[1:].partition('^')[0]}" if what.startswith("!") else label or what


def _is_stamp(value: object) -> bool:
    return isinstance(value, str) and _STAMP.fullmatch(value) is not None


def _list(archive: Archive, name: str) -> list[object]:
    found = archive.read_json(name)
    if not isinstance(found, list):
        raise InvalidArchive(
            f"{name[:120]!r} in the archive is no list, as Slack writes one; nothing was recorded",
            details={"reason": "no-export", "entry": name[:255]},
        )
    return found


def _channels(archive: Archive, name: str) -> Iterator[tuple[str, str]]:
    for one in _list(archive, name):
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield one["name"], str(one.get("id") or one["name"])


def _speakers(users: list[object]) -> Iterator[tuple[str, Speaker]]:
    for one in users:
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            profile = one.get("profile")
            shown = _name(profile) if isinstance(profile, dict) else ""
            yield one["id"], Speaker(shown or _name(one) or one["id"], _zone(one), is_bot=one.get("is_bot") is True)


def _name(said: Mapping[str, object]) -> str:
    names = (said.get(key) for key in ("display_name", "real_name", "name"))
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), "")


def _zone(user: Mapping[str, object]) -> tzinfo | None:
    name, offset = user.get("tz"), user.get("tz_offset")
    found = find_zone(name) if isinstance(name, str) else None
    if found is None and isinstance(offset, int) and abs(offset) < _DAY_SECONDS:
        return timezone(timedelta(seconds=offset))
    return found


def _reactions(one: Mapping[str, object]) -> Iterator[str]:
    reactions = one.get("reactions")
    for reaction in reactions if isinstance(reactions, list) else ():
        if isinstance(reaction, dict) and isinstance(reaction.get("name"), str):
            yield reaction["name"]
