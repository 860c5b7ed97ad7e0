"""Writes the first `lastgood.toml`: what was found in a folder, with comments that say what can be added.

>>> prompts = Proposal("prompts", Kind.PROMPT, ("prompts/",))
>>> print(component_table(prompts))
[components.prompts]
kind = "prompt"
path = "prompts/"
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lastgood.ids import PipelineName
from lastgood.model.component import Kind

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

_RETENTION = """\
# How long releases keep their bytes. It is recorded by init; nothing is removed by itself.
[retention]
keep_last = 50
keep_deployed = "400d"
keep_tagged = true
"""

_NOTHING_FOUND = """\
# Nothing was found here that looks like a model, a prompt, a config, data, an eval or a lock file. Say what belongs to
# this pipeline, for example:
#
# [components.prompts]
# kind = "prompt"
# path = "prompts/"
"""

_HOSTED = """\
# A model that a provider hosts has no files. Write its exact id: a floating name can change under you.
#
# [components.llm]
# kind = "hosted"
# provider = "openai"
# model = "gpt-4.1-2025-04-14"
"""

_LINEAGE = """\
# Any component can say how it came to be:
#
# made_by = { run = "python train.py", inputs = ["train"], seed = 7 }
# derived_from = ["s3://lake/tickets@v7"]
# licence = "Apache-2.0"
"""

_ENVIRONMENT = """\
# Where it runs. An environment comes into being with its first deployment; this adds a folder in which `current` is
# switched by deploy and rollback, and gates that a release must pass, once `lastgood policy apply` has recorded them:
#
# [environments.prod]
# live = "run/prod"
# gates = [{ approvals = 1 }, { soak = "staging", hours = 24 }]
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A component that was found: its name, kind, paths (a folder's ends in a slash), other keys, and a remark."""

    name: str
    kind: Kind
    paths: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    remark: str | None = None


def starter_file(found: Sequence[Proposal], pipeline: PipelineName, *, in_git: bool = False) -> str:
    """Write a workspace file that declares what was found."""
    parts = [_head(pipeline, in_git=in_git)]
    parts += [component_table(proposal) + "\n" for proposal in found]
    if not found:
        parts.append(_NOTHING_FOUND)
    parts += [_HOSTED, _LINEAGE, _ENVIRONMENT, _RETENTION]
    return "\n".join(parts)


def component_table(proposal: Proposal) -> str:
    """Write the table of one component."""
    name = proposal.name if _BARE_KEY.fullmatch(proposal.name) else _text(proposal.name)
    lines = [f"# {proposal.remark}"] if proposal.remark else []
    lines += [f"[components.{name}]", f"kind = {_text(proposal.kind.value)}"]
    paths = [_text(path) for path in proposal.paths]
    key = "lock" if proposal.kind is Kind.RUNTIME else "path"
    lines.append(f"{key} = {paths[0] if len(paths) == 1 else _list(paths)}")
    lines += [f"{name} = {_text(value)}" for name, value in proposal.keys.items()]
    return "\n".join(lines)


def _head(pipeline: PipelineName, *, in_git: bool) -> str:
    lines = [
        "# What this pipeline is made of. A release is the state of all its components; nothing else here is kept.",
        "# Files that are in a folder but not in the release: name them in .lastgoodignore (gitignore syntax).",
    ]
    if in_git:
        lines.append("# This folder is in a git repository: the commit it stands at is noted with each release.")
    return "\n".join([*lines, f"pipeline = {_text(pipeline)}", ""])


def _text(value: str) -> str:
    """Write a TOML string: for text without DEL, JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _list(items: Sequence[str]) -> str:
    return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
