"""Many deployers at once through the Python API: history is one line, and says what each of them was told.

The short form deploys some hundred times; `python tools/move_steps.py --deploys 5000` is the long one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools.move_steps import deploy_at_once, require_linear


def test_many_deployers_make_one_line_of_history(tmp_path: Path) -> None:
    told = deploy_at_once(tmp_path, deployers=16, deploys=160)

    assert len(told) == 160
    require_linear(tmp_path, told)


def test_an_order_that_is_not_one_is_noticed(tmp_path: Path) -> None:
    told = sorted(deploy_at_once(tmp_path, deployers=1, deploys=4), key=lambda one: one.revision)
    require_linear(tmp_path, told)
    first, second, *rest = told
    late = replace(first, asked=second.asked, answered=second.answered)
    early = replace(second, asked=first.asked, answered=first.answered)

    for wrong, why in (
        ([late, early, *rest], "after a later one"),
        ([replace(first, revision=2), replace(second, revision=1), *rest], "what was answered"),
        ([first, first, *rest], "the same revision"),
        ([second, *rest], "stands there once"),
    ):
        with pytest.raises(AssertionError, match=why):
            require_linear(tmp_path, wrong)
