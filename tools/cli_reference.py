"""Write the reference of the command line, from the command line itself: `python tools/cli_reference.py > docs/cli.md`.

What it prints depends on nothing but the commands, so a test compares it with docs/cli.md byte for byte.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from lastgood.cli import main as entry

_PREAMBLE = """\
# Command line

<!-- Written by `make docs` from the commands themselves; a test compares. Edit the commands, not this page. -->

Data goes to standard output, everything for the eye to standard error. The exit codes stand in [errors.md](errors.md),
the ways to name a release (`REV`) in the [glossary](glossary.md#revisions). Every command has `--help`.
"""


def reference(root: click.Group, name: str) -> str:
    """Return the whole page for a group of commands that is started under a name."""
    return "\n".join([_PREAMBLE, *_describe(root, click.Context(root, info_name=name))])


def _describe(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n"
    yield f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n"
    if command.help:
        yield inspect.cleandoc(command.help).replace("\b\n", "") + "\n"
    told = (one.get_help_record(context) for one in command.get_params(context) if "--help" not in one.opts)
    yield from (f"- `{declaration}`: {' '.join(text.split())}" for declaration, text in filter(None, told) if text)
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _describe(child, click.Context(child, info_name=name, parent=context))


def find_root() -> click.Group:
    """Return the group that the `lastgood` program runs."""
    return next(one for one in vars(entry).values() if isinstance(one, click.Group))


if __name__ == "__main__":
    print(reference(find_root(), "lastgood"), end="")
