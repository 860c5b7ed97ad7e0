"""Does what others rely on still fit? What a change takes away, and what it asks for, of what callers know by name.

Rules: read off a comparison, never off files; a template variable, a tool, a config key or a file that only moved within
its component is not gone; what cannot be compared closely is not guessed at.

    for problem in misfits(comparison.changed):
        print(problem.words)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lastgood.canonical import JsonObject
from lastgood.compare.change import Change, ComponentChange, Edit, FileChange, Item, KeyChange
from lastgood.compare.text_change import TextChange
from lastgood.compare.wording import printable, shorten
from lastgood.ids import ComponentName
from lastgood.model.component import Kind

_TOOLS = frozenset({"tools", "functions"})


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that others know by name and that a change takes away, or asks for.

    Attributes:
        component: where.
        what: `variable`, `tool`, `key`, `file` or `component`.
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
        if isinstance(detail, FileChange) and detail.change is Edit.REMOVED:
            yield Misfit(change.name, "file", detail.path, f"the file {_said(detail.path)} is gone; whoever reads it finds none")


def _variables(change: ComponentChange) -> Iterator[Misfit]:
    texts = [detail for detail in change.details if isinstance(detail, TextChange)]
    gone = {name: text.path for text in texts for name in text.variables_removed}
    come = {name: text.path for text in texts for name in text.variables_added}
    for name, path in gone.items():
        if name not in come:
            words = f"variable {_said(name)} is gone from {_said(path)}; whoever passes it passes it in vain"
            yield Misfit(change.name, "variable", name, words)
    for name, path in come.items():
        if name not in gone:
            words = f"variable {_said(name)} is asked for in {_said(path)}; whoever does not pass it leaves it open"
            yield Misfit(change.name, "variable", name, words, is_gone=False)


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
