"""What tests stand on holds nothing of the person who runs them, and nothing is skipped unseen."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.parts import need


def test_what_is_there_is_no_reason_to_stop() -> None:
    need(True, "the impossible")


def test_what_is_missing_is_a_skip_on_a_persons_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="needs the impossible"):
        need(None, "the impossible")


def test_what_is_missing_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="CI has to have the impossible"):
        need([], "the impossible")


def test_the_environment_is_nobodys(clean_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    assert clean_environment.items() <= os.environ.items()
    assert tmp_path_factory.getbasetemp() in Path(os.environ["HOME"]).parents
    assert not [name for name in os.environ if name.startswith(("PYTHON", "XDG_", "GIT_AUTHOR"))]
