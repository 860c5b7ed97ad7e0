"""The `lastgood` command: finds the subcommand, runs it, and turns errors into words and exit codes."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from lastgood._version import __version__

if TYPE_CHECKING:
    from lastgood.errors import LastgoodError

COMMANDS: dict[str, str] = {
    "init": "make a registry and a starter lastgood.toml",
    "commit": "make a release of what is on disk",
    "status": "the workspace against the latest release and each environment",
    "log": "releases, the deployments of an environment, or operations",
    "show": "everything about one release",
    "diff": "what exactly changed between two releases",
    "blame": "which release brought each line, key or tensor, and when it got where",
    "lineage": "what a release was made from, and what became of its data",
    "drift": "is what runs what should run?",
    "checkout": "write the files of a release into a new folder",
    "deploy": "move an environment to a release",
    "rollback": "go back to the last good release",
    "undo": "take back what an operation changed",
    "env": "list environments, show one, say which release answers a call",
    "policy": "record what environments ask of releases, or show it",
    "approve": "say that a release may go to an environment",
    "eval": "run suites on releases, bring results in, compare them",
    "incident": "record what went wrong, when, and what it cost",
    "pilot": "try it for a quarter, and hold that against the one before",
    "live": "keep a folder of this host on what an environment runs",
    "mark": "call a release bad, or good again",
    "tag": "give a release a name that stays",
    "hold": "keep the bytes of a release, whatever the policy says",
    "verify": "check bytes, manifests and history",
    "ledger": "checkpoints, proofs and keys of the history",
    "retention": "whose bytes a policy lets go, and letting them go",
    "cost": "what the bytes cost, now and in 12 months",
    "purge": "erase a file, or the files that hold a row, wherever they are kept",
    "gc": "take back the bytes that no release needs",
    "optimize": "encode old chunks better, so that they take less room",
    "repair": "make the index anew from the packs, put damaged packs aside",
    "backup": "write a consistent copy of the registry into one file",
    "export": "write a release into one file, with its bytes and proofs",
    "import": "bring in what was written elsewhere, such as a backup",
    "case": "what this costs, avoids and pays back: one page for a budget",
    "demo": "the whole story on real data, in a temporary folder",
}
# A module cannot have the name of a word of the language, and should not have that of a function.
_MODULES = {"import": "importing", "eval": "evaluation"}
INTERRUPTED = 130
_STDERR = 2


class Commands(click.Group):
    """The subcommands, each imported from its own file when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which a day uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            self._suggest(ctx, cmd_name)
            return None
        import importlib  # noqa: PLC0415

        found = importlib.import_module(f"lastgood.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(found, click.Command)  # noqa: S101
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def _suggest(self, ctx: click.Context, name: str) -> None:
        import difflib  # noqa: PLC0415

        close = difflib.get_close_matches(name, COMMANDS, n=1)
        if close:
            ctx.fail(f"there is no command {name!r}; did you mean {close[0]!r}?")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="lastgood %(version)s")
@click.option("-C", "folder", metavar="DIR", default=".", help="Run as if started in DIR.")
@click.option("--registry", metavar="URL", help="The registry: a folder. [default: the nearest .lastgood/]")
@click.option("--accept-clock", is_flag=True, help="Go on although the clock is behind the last event.")
@click.pass_context
def lastgood(ctx: click.Context, folder: str, registry: str | None, accept_clock: bool) -> None:
    """Version control for AI in production: what exactly changed, and can we go back?

    The four-command day: commit, deploy, diff, rollback.

    LASTGOOD_REGISTRY names the registry as --registry does; LASTGOOD_ACTOR says who acts, which is git's user.email or
    else user@host otherwise. NO_COLOR and FORCE_COLOR are heard.
    """
    # What click writes and what rich draws follow the same wishes.
    ctx.color = False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None
    ctx.obj |= {"folder": folder, "registry": registry, "accept_clock": accept_clock}


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with the code of DESIGN's table."""
    began = time.monotonic()
    given = sys.argv[1:] if arguments is None else arguments
    _open_streams()
    try:
        code = lastgood.main(args=given, prog_name="lastgood", standalone_mode=False, obj={"began": began})
    except click.ClickException as error:
        sys.exit(_say_usage(error, given))
    except (click.Abort, KeyboardInterrupt) as error:
        if isinstance(error.__cause__, EOFError):
            # Click takes it for an end of input, which nobody here reads; it is a file of Python's own that was cut short.
            raise error.__cause__ from None
        from lastgood.cli.output import say_aside  # noqa: PLC0415

        say_aside("cancelled; nothing was changed that was not reported")
        sys.exit(INTERRUPTED)
    except Exception as error:
        from lastgood.errors import LastgoodError, of_os_error  # noqa: PLC0415

        if isinstance(error, OSError):
            error = of_os_error(error, error.filename or "the file system")
        if not isinstance(error, LastgoodError):
            raise
        sys.exit(_say(error, given))
    sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """See to it that what is said can be said, however this process was started."""
    # A file of the registry that is opened while 0, 1 or 2 is free would get that number, and what is said with it. Where
    # there is nothing to open in its place, what fails next says so.
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
            pass
        os.close(opened)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif isinstance(stream, io.TextIOWrapper):
            # A letter that the terminal lacks must not stop a command whose work is done.
            stream.reconfigure(errors="backslashreplace")


def _say(error: LastgoodError, given: list[str]) -> int:
    from lastgood.cli.output import safe, say, say_aside  # noqa: PLC0415
    from lastgood.errors import Unavailable  # noqa: PLC0415

    if "--json" in given:
        import json  # noqa: PLC0415

        fields: dict[str, Any] = {"kind": error.kind, "message": error.message, "hint": error.hint}
        fields["details"] = error.details
        # Where the answer cannot be read, the exit code still tells.
        with suppress(click.exceptions.Exit, Unavailable):
            say(json.dumps({"schema": "lastgood.error/1", "error": fields}))
        return error.exit_code
    say_aside(click.style("error: ", fg="red", bold=True) + safe(error.message))
    if error.hint:
        say_aside(click.style("next:  ", fg="cyan") + safe(error.hint))
    return error.exit_code


def _say_usage(error: click.ClickException, given: list[str]) -> int:
    from lastgood.errors import Invalid  # noqa: PLC0415

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    hint = None
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"{error.ctx.command_path} --help"
    return _say(Invalid(error.format_message(), hint=hint), given)
