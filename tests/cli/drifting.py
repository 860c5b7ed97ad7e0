"""What tests of `lastgood drift` share: reading what it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.commands import Desk, Ran

PROMPT = "prompts/system.md"


def drifted(ran: Ran) -> Any:  # noqa: ANN401 - any JSON
    """Return the answer of a command that found drift."""
    assert ran.code == 7, ran
    answer = ran.answer
    assert (answer["schema"], answer["drift"]) == ("lastgood.drift/1", True)
    return answer


def summaries(answer: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON
    return {one["name"]: one["summary"] for one in answer["components"] if one["change"] != "unchanged"}


def described(desk: Desk, place: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(desk.tell("drift", "--describe", str(place)).out)
    return document
