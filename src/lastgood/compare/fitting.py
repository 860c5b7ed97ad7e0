"""Does what others rely on still fit? What a change takes away, and what it asks for, of what callers know by name.

Rules: read off a comparison, never off files; a template variable, a tool, a config key or a file that only moved within
its component is not gone, but what was renamed is; what cannot be compared closely is not guessed at.

    for problem in misfits(comparison.changed):
        print(problem.words)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.change import Change, ComponentChange, Detail, Edit, FileChange, Item, KeyChange
from lastgood.compare.chats import MessageChange
from lastgood.compare.routing import RoutingChange
from lastgood.compare.text_change import TextChange, VariablesChange
from lastgood.compare.tool_changes import ToolChange
from lastgood.compare.wording import printable, shorten
from lastgood.ids import ComponentName
from lastgood.model.component import Kind

_TOOLS = frozenset({"tools", "functions"})


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that others know by name and that a change takes away, or asks for.

    Attributes:
        component: where.
        what: `variable`, `tool`, `parameter`, `key`, `file` or `component`.
        name: how it is known.
        words: one line, safe to print.
        is_gone: true where it goes, false where it comes and has to be given.
    """

    component: ComponentName
    what: str
    name: str
    words: str
    is_gone: bool = True

    def to_json(self) -> JsonObject:
        """Return the fields of `--json`."""
        return {"component": str(self.component), "what": self.what, "name": self.name, "gone": self.is_gone, "words": self.words}


def misfits(changes: Iterable[ComponentChange]) -> list[Misfit]:
    """Return what others rely on and a change takes away, and what it asks of them, in the order of the changes."""
    return [one for change in changes for one in _of_component(change)]


def _of_component(change: ComponentChange) -> Iterator[Misfit]:
    if change.change is Change.REMOVED:
        yield Misfit(change.name, "component", change.name, f"the component {change.name} is gone")
        return
    if change.change is not Change.CHANGED or change.kind not in {Kind.PROMPT, Kind.CONFIG}:
        return
    yield from _variables(change)
    for detail in change.details:
        if isinstance(detail, KeyChange) and detail.change is Edit.REMOVED:
            yield _key(change.name, detail)
        if isinstance(detail, ToolChange):
            yield from _tool(change.name, detail)
        if isinstance(detail, RoutingChange):
            yield from (_key(change.name, key) for key in detail.keys if key.change is Edit.REMOVED)
        if isinstance(detail, FileChange) and detail.change is Edit.REMOVED:
            yield Misfit(change.name, "file", detail.path, f"the file {_said(detail.path)} is gone; whoever reads it finds none")


def _variables(change: ComponentChange) -> Iterator[Misfit]:
    gone: dict[str, str] = {}
    come: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for path, removed, added in _named(change.details):
        gone |= dict.fromkeys(removed, path)
        come |= dict.fromkeys(added, path)
    for text in _texts(change.details):
        renamed |= dict(text.variables_renamed)
    for name, path in gone.items():
        if name not in come:
            what = f"is called {_said(renamed[name])} in {_said(path)} now" if name in renamed else f"is gone from {_said(path)}"
            yield Misfit(change.name, "variable", name, f"variable {_said(name)} {what}; whoever passes it passes it in vain")
    for name, path in come.items():
        if name not in gone:
            words = f"variable {_said(name)} is asked for in {_said(path)}; whoever does not pass it leaves it open"
            yield Misfit(change.name, "variable", name, words, is_gone=False)


def _texts(details: Iterable[Detail]) -> Iterator[TextChange]:
    for detail in details:
        text = detail.text if isinstance(detail, MessageChange) else detail
        if isinstance(text, TextChange):
            yield text


def _named(details: Sequence[Detail]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    for text in _texts(details):
        yield text.path, text.variables_removed, text.variables_added
    for detail in details:
        if isinstance(detail, VariablesChange):
            yield detail.path, detail.removed, detail.added


def _tool(component: ComponentName, change: ToolChange) -> Iterator[Misfit]:
    """Tell of what callers of a tool, and those who answer its calls, would miss or have to give."""
    tool, file = _said(change.tool), _said(change.file)
    for point in change.points:
        if not point.parameter and point.what in {"removed", "renamed"}:
            gone = f"is called {_said(str(point.new))} in {file} now" if point.what == "renamed" else f"is gone from {file}"
            yield Misfit(component, "tool", change.tool, f"tool {tool} {gone}; whoever calls it finds none")
        elif point.what in {"removed", "renamed"}:
            words = f"parameter {_said(point.parameter)} of tool {tool} is gone from {file}; whoever answers its calls gets none"
            yield Misfit(component, "parameter", f"{change.tool}.{point.parameter}", words)
        elif point.breaking and point.what in {"added", "required"}:
            words = f"parameter {_said(point.parameter)} of tool {tool} is required in {file}; a call without it is refused"
            yield Misfit(component, "parameter", f"{change.tool}.{point.parameter}", words, is_gone=False)


def _key(component: ComponentName, change: KeyChange) -> Misfit:
    tool = _tool_of(change)
    if tool is not None:
        return Misfit(component, "tool", tool, f"tool {_said(tool)} is gone from {_said(change.file)}; whoever calls it finds none")
    words = f"key {_said(change.key)} is gone from {_said(change.file)}; whoever reads it gets a default"
    return Misfit(component, "key", change.key, words)


def _tool_of(change: KeyChange) -> str | None:
    """Return the name of the tool that a key was: an item of a list of tools, or a key of an object of them."""
    if len(change.steps) < 2 or not _TOOLS.intersection(step for step in change.steps[:-1] if isinstance(step, str)):  # noqa: PLR2004
        return None
    last = change.steps[-1]
    holder = change.steps[-2]
    if isinstance(holder, str) and holder in _TOOLS:
        return str(last.value) if isinstance(last, Item) else str(last)
    return None


def _said(text: str) -> str:
    return shorten(printable(text), 100)
