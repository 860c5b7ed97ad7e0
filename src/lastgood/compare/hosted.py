"""The comparer of hosted models: which provider, which model, which build of it.

Rules: a hosted model is nothing but what is declared of it. The same name with another fingerprint means that the provider
changed it. A name without a date or a version *floats*: what answers to it can change without notice, and nobody sees
that unless a fingerprint is recorded; a note says so, and the summary where the name began to float.

    >>> is_floating("gpt-4.1"), is_floating("gpt-4.1-2025-04-14"), is_floating("claude-3-5-sonnet-latest")
    (True, False, True)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lastgood.canonical import Json
from lastgood.compare.change import Note
from lastgood.compare.comparer import ComponentSide, Findings, compare_fields, say_field, say_field_value
from lastgood.model.placement import FileAccess

_PINS = re.compile(
    r"(?:^|[-@:_./])(?:20\d{2}-?\d{2}-?\d{2}|\d{2}-\d{2}-?(?:20\d{2})?|\d{2}-20\d{2}|\d{3,4})(?:$|[-@:_.])"
    r"|@(?!latest|default)[\w.-]+$|v\d+:\d+$|sha256:"
)
"""A date, a month and a day, a build of three or four digits (`-0613`, `-002`), what stands behind `@`, Bedrock's `v1:0`, a digest."""

_FLOATS = re.compile(r"(?:^|[-@:_./])(?:latest|default|stable|preview)$")


def is_floating(model: str) -> bool:
    """Say whether a model's name leaves open which build of it answers."""
    return bool(_FLOATS.search(model)) or not _PINS.search(model)


class HostedComparer:
    """Compares hosted models by what is declared of them."""

    def compare(self, old: ComponentSide, new: ComponentSide, files: FileAccess) -> Findings:  # noqa: ARG002  # there are none
        """Say what another model means, and what another build of the same one does."""
        changes = {change.field: change for change in compare_fields(old.fields, new.fields)}
        same_name = not {"provider", "model"} & changes.keys()
        model = say_field_value(new.fields.get("model"))
        phrases: list[str] = []
        for name, change in changes.items():
            if name != "fingerprint" or change.old is None or change.new is None or not same_name:
                phrases.append(say_field(change))
                continue
            builds = f"{say_field_value(change.old)} → {say_field_value(change.new)}"
            phrases.append(f"same name {model}, different fingerprint ({builds}): the provider changed it")
        if same_name and "fingerprint" in changes and changes["fingerprint"].new is None:
            phrases.append("from now on nobody sees when the provider changes it")
        if "model" in changes:
            phrases += _say_pin(old.fields, new.fields)
        notes = tuple(_risks(new.fields))
        return Findings(phrases, notes, says_fields=True)


def _say_pin(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    before, after = old.get("model"), new.get("model")
    if not isinstance(before, str) or not isinstance(after, str) or is_floating(before) == is_floating(after):
        return
    if is_floating(after):
        yield "the new name floats: the provider can change what answers to it"
    else:
        yield "the new name is pinned to one build"


def _risks(fields: Mapping[str, Json]) -> Iterator[Note]:
    model = fields.get("model")
    if isinstance(model, str) and is_floating(model) and fields.get("fingerprint") is None:
        text = f"{model[:80]} is a floating name without a fingerprint: the provider can change what answers to it, and nobody sees it here"
        yield Note("", text)
