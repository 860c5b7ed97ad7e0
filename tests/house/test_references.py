"""Documentation that cannot rot: a command, an error, an event or a key that is not documented fails here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from lastgood import errors
from lastgood.errors import LastgoodError
from lastgood.model.event import EVENT_TYPES
from lastgood.workspace.file import read_workspace
from lastgood.workspace.tables import FileTable

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

ERRORS = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, LastgoodError)]


def test_the_command_line_reference_is_what_make_docs_writes() -> None:
    from tools.cli_reference import find_root, reference

    assert (DOCS / "cli.md").read_text() == reference(find_root(), "lastgood"), "run: make docs"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
def test_every_error_is_documented(error: type[LastgoodError]) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", (DOCS / "errors.md").read_text(), re.MULTILINE)

    assert (error.kind, str(error.exit_code)) in rows


def test_no_error_is_documented_that_does_not_exist() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "errors.md").read_text(), re.MULTILINE)

    assert sorted(rows) == sorted({error.kind for error in ERRORS})


def test_the_tree_at_the_top_of_the_errors_is_the_tree() -> None:
    drawn = re.findall(r"^[ │]*(?:[├└]── )(\w+)", inspect.getdoc(errors) or "", re.MULTILINE)

    assert sorted(drawn) == sorted(error.__name__ for error in ERRORS if error is not LastgoodError)


def test_every_setting_of_the_environment_is_documented() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    pages = "".join(path.read_text() for path in DOCS.glob("*.md"))
    settings = set(re.findall(r"\b(?:LASTGOOD_[A-Z_]+|NO_COLOR|FORCE_COLOR)\b", sources))

    assert "LASTGOOD_ACTOR" in settings
    assert not [name for name in sorted(settings) if name not in pages]


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_event_is_documented(name: str) -> None:
    assert f"`{name}`" in (DOCS / "design.md").read_text()


def test_every_key_of_the_workspace_file_is_documented() -> None:
    page = (DOCS / "workspace-file.md").read_text()
    keys = sorted(set(keys_of(FileTable)))

    assert {"pipeline", "made_by", "seed", "approvals", "keep_tagged"} <= set(keys)
    assert not [key for key in keys if f"`{key}`" not in page]


def test_the_example_of_the_workspace_file_is_right(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", (DOCS / "workspace-file.md").read_text(), re.DOTALL)[0]
    (tmp_path / "lastgood.toml").write_text(example)
    for name in ("models/router/model.safetensors", "prompts/system.md", "config/routing.yaml", "config/tools.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    kinds = {one.name: one.kind for one in read_workspace(tmp_path).components}

    assert kinds == {
        "router": "artifact",
        "llm": "hosted",
        "prompts": "prompt",
        "routing": "config",
        "train": "dataset",
        "runtime": "runtime",
    }


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Every key a person may write in the tables of a model, by the name under which it is written."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        yield from (key for part in parts_of(field.annotation) for key in keys_of(part))


def parts_of(annotation: object) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as `dict[str, Component] | None`."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    if get_origin(annotation) is not None or isinstance(annotation, UnionType):
        for part in get_args(annotation):
            yield from parts_of(part)
