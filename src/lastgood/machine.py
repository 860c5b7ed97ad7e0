"""What this machine and its user bring along: the clock, the zone, randomness, who acts, and where they remember things.

With the command line and the server, one of the few places that read the environment; everything below is told.

>>> machine_settings(Path(), "ana@example.org", None, accept_clock=False).actor()
'ana@example.org'
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from lastgood.clock import Clock, SystemClock
from lastgood.errors import Invalid
from lastgood.registry.embedded import Settings


def machine_settings(folder: Path, actor: str | None, clock: Clock | None, *, accept_clock: bool) -> Settings:
    """Return this machine's clock, zone and randomness, and who acts."""
    return Settings(
        clock=clock or SystemClock(),
        entropy=os.urandom,
        zone=datetime.astimezone,
        actor=(lambda: actor) if actor is not None else (lambda: acting_person(folder)),
        accept_clock=accept_clock,
        cache_size=cache_size(),
        memory=_memory(),
    )


def _memory() -> Path | None:
    """Return where this user's machine remembers the histories it saw (XDG Base Directory Specification)."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError:
            return None
    return state / "lastgood" / "seen"


def cache_size() -> int | None:
    """Return what LASTGOOD_CACHE_SIZE says: how many bytes the checkout cache may take, 0 for none; None where it says nothing.

    Raises:
        Invalid: it is no size.
    """
    said = os.environ.get("LASTGOOD_CACHE_SIZE", "").strip()
    if not said:
        return None
    found = re.fullmatch(r"(\d{1,15}) ?(?:([kMGT])(i?))?B?", said)
    if found is None:
        raise Invalid(f"LASTGOOD_CACHE_SIZE is {said[:40]!r}, which is no size; nothing was done", hint="write 0, 500MB or 20GiB")
    number, unit, binary = found.groups()
    power = " kMGT".index(unit or " ")
    return int(number) * int((1024 if binary else 1000) ** power)


def acting_person(folder: Path) -> str:
    """Return who acts: LASTGOOD_ACTOR, else git's user.email, else user@host."""
    named = os.environ.get("LASTGOOD_ACTOR", "").strip()
    return named or _git_email(folder) or _user_at_host()


def _git_email(folder: Path) -> str | None:
    import subprocess  # noqa: PLC0415

    try:
        found = subprocess.run(["git", "config", "--get", "user.email"], cwd=folder, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def _user_at_host() -> str:
    import getpass  # noqa: PLC0415
    import socket  # noqa: PLC0415

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
