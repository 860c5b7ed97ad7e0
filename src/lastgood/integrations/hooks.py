"""Calling hooks: a command or a webhook, tried a few times, with what became of it as a value.

Rules: what is sent is the same for every attempt; a pause doubles from attempt to attempt; an answer that says "never"
is not asked again. Nothing that is said of a hook holds its command, its address or its secret: it is known by its name.

    delivery = deliver(WebhookCall(url, key, message, body, clock), sleep)
"""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lastgood.canonical import canonical_json
from lastgood.clock import Clock, format_instant
from lastgood.ids import HookName, RegistryId
from lastgood.integrations.webhook import post
from lastgood.registry.move import Moved

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5
COMMAND_SECONDS = 30.0
LONGEST_REASON = 4_000
_AGAIN = frozenset({408, 425, 429})
_OK = range(200, 300)
_SERVER = range(500, 600)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one call: the exit code or HTTP status, if there was one, and why it failed, if it did."""

    is_delivered: bool
    code: int | None
    why: str = ""
    again: bool = True


class Call(Protocol):
    """One way to tell somebody, which can be tried several times."""

    def __call__(self) -> Attempt:
        """Try once."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a hook."""

    is_delivered: bool
    attempts: int
    code: int | None
    why: str


def deliver(call: Call, sleep: Callable[[float], None], attempts: int = ATTEMPTS) -> Delivery:
    """Try a call until it is delivered, says never, or was tried often enough."""
    pause = FIRST_PAUSE_SECONDS
    for number in range(1, attempts + 1):
        tried = call()
        if tried.is_delivered or not tried.again or number == attempts:
            return Delivery(tried.is_delivered, number, tried.code, tried.why)
        sleep(pause)
        pause *= 2
    raise ValueError("a hook is tried at least once")


@dataclass(frozen=True, slots=True)
class CommandCall:
    """Runs a command in a folder with the message on its standard input; what it prints goes to standard error."""

    command: str
    folder: Path
    body: bytes
    seconds: float = COMMAND_SECONDS

    def __call__(self) -> Attempt:
        """Run it once, and end all of it where it takes too long."""
        words = shlex.split(self.command)
        try:
            process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.PIPE, stdout=2, stderr=2, start_new_session=True)
        except OSError as error:
            return Attempt(is_delivered=False, code=None, why=f"its command cannot be started: {error.strerror}", again=False)
        with process:
            try:
                process.communicate(self.body, timeout=self.seconds)
            except subprocess.TimeoutExpired:
                return Attempt(is_delivered=False, code=None, why=f"its command took longer than {self.seconds:.0f} s")
            finally:
                _end(process)
        if process.returncode == 0:
            return Attempt(is_delivered=True, code=0)
        return Attempt(is_delivered=False, code=process.returncode, why=f"its command ended with {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # It leads a group of its own, so nothing that it started goes on either.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """Posts a signed message to an address."""

    url: str
    key: bytes
    message: str
    body: bytes
    clock: Clock

    def __call__(self) -> Attempt:
        """Post it once."""
        try:
            status = post(self.url, self.key, self.message, int(self.clock.now().timestamp()), self.body)
        except (OSError, ValueError) as error:
            # Not the error's own words, which may hold the address.
            return Attempt(is_delivered=False, code=None, why=f"its address did not answer ({type(error).__name__})")
        if status in _OK:
            return Attempt(is_delivered=True, code=status)
        return Attempt(is_delivered=False, code=status, why=f"its address answered {status}", again=status in _AGAIN or status in _SERVER)


def message_id(registry: RegistryId, moved: Moved, hook: HookName) -> str:
    """Return the id of a message: the same whenever the same hook is told of the same move."""
    told = f"{registry}\n{moved.after.pipeline}/{moved.environment}\n{moved.revision}\n{hook}"
    return f"msg_{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def message_of(moved: Moved, at: Clock, actor: str, reason: str | None) -> bytes:
    """Return what hooks are told of a move."""
    running = moved.canary
    return canonical_json(
        {
            "type": "environment.moved",
            "timestamp": format_instant(at.now()),
            "data": {
                "pipeline": str(moved.after.pipeline),
                "environment": str(moved.environment),
                "revision": moved.revision,
                "kind": moved.kind.value,
                "from": None if moved.before is None else str(moved.before.release),
                "from_number": None if moved.before is None else moved.before.number,
                "to": str(moved.after.release),
                "to_number": moved.after.number,
                "canary": None if running is None else str(running.release.release),
                "canary_number": None if running is None else running.release.number,
                "percent": None if running is None else running.percent,
                "actor": actor,
                "reason": None if reason is None else reason[:LONGEST_REASON],
            },
        }
    )
