"""The commands that are tortured: what each needs beforehand, what may have come of it, and what must go on afterwards.

A command that this version of lastgood does not have is left out, so that the list may be ahead of it.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lastgood.cli.main import COMMANDS
from tools.torture.oracle import State, garbage, live_wrongs, state
from tools.torture.project import BrokenPromiseError, Project, Ran, tree_of

OUT = "out"


def _nothing(_project: Project) -> None:
    pass


def _unchanged(_project: Project, _ran: Ran, before: State, after: State) -> Iterator[str]:
    if before != after:
        yield f"it changed {before} to {after}"


@dataclass(frozen=True)
class Tortured:
    """One command.

    Attributes:
        name: the command's.
        arguments: what it is called with.
        prepare: what is done before, without a fault.
        judge: says what is wrong about a state that came of it.
        recover: what is done after, without a fault; it has to work.
    """

    name: str
    arguments: Callable[[Project], list[str]]
    prepare: Callable[[Project], None] = _nothing
    judge: Callable[[Project, Ran, State, State], Iterator[str]] = _unchanged
    recover: Callable[[Project], None] = _nothing


def known_commands() -> list[Tortured]:
    """Return the commands that there are."""
    return [one for one in _TORTURED if one.name in COMMANDS]


def make_garbage(project: Project) -> None:
    """Leave what a commit leaves that is killed after its packs are durable and before its transaction."""
    project.edit()
    die_in_commit(project)
    project.edit()


def die_in_commit(project: Project) -> None:
    """Commit what is there up to the transaction and no further, so that its packs are nobody's."""
    ran = project.wait(project.fork("commit", "-m", "never", "--onto", "latest", first=_die_before_publishing))
    if ran.code != _DIED:
        raise BrokenPromiseError(f"a commit was to die before it publishes, and ended with {ran.code}: {ran.err[-300:]}")


def collect(project: Project) -> None:
    """Let the collector run until it has nothing left to do, and require that there is no garbage then."""
    if "gc" not in COMMANDS:
        return
    for _ in range(2):
        project.must("gc", "--apply", "--grace", "0s")
    if left := list(garbage(project)):
        raise BrokenPromiseError(f"the collector left garbage: {left}")


_DIED = 77


def _die_before_publishing() -> None:
    module = importlib.import_module("lastgood.registry.publish")
    module.publish = lambda *_, **__: os._exit(_DIED)  # type: ignore[attr-defined]  # in a process that ends with it


def _one_more(project: Project) -> None:
    project.edit()
    project.commit()


def _judge_commit(project: Project, ran: Ran, before: State, after: State) -> Iterator[str]:
    made = after[0][len(before[0]) :]
    if after[0][: len(before[0])] != before[0] or len(made) > 1 or after[1:] != before[1:]:
        yield f"it left half a state: {before} became {after}"
        return
    for release in made:
        # Acknowledged or not: what is in the catalog has to be whole.
        project.remember(release)
    if ran.code == 0 and not made:
        yield "it was acknowledged and is lost"
    if ran.code > 0 and made and not _is_unsure(ran):
        yield f"it said that it failed ({ran.code}, {ran.kind}), and made a release"


def _is_unsure(ran: Ran) -> bool:
    """Whether a command said that it does not know whether what it did stands."""
    return bool(ran.answer.get("error", {}).get("details", {}).get("outcome") == "unknown")


def _commit_again(project: Project) -> None:
    release = str(project.must("commit", "-m", "again", "--json").answer["release"])
    if release not in project.releases:
        project.remember(release)
    if state(project)[0][-1] != release:
        raise BrokenPromiseError("a commit that was repeated is not the latest release")


def _other_release(project: Project) -> list[str]:
    releases, _, current = state(project)
    return ["deploy", "prod", project.chance.choice([one for one in releases[-6:] if one != current]), "--json"]


def _judge_move(_project: Project, ran: Ran, before: State, after: State) -> Iterator[str]:
    steps = after[1] - before[1]
    if after[0] != before[0] or steps not in {0, 1} or (after[2] != before[2]) != bool(steps):
        yield f"it left half a state: {before} became {after}"
    if ran.code == 0 and (not steps or ran.answer["to"] != after[2]):
        yield f"it was acknowledged and is lost: {ran.answer} but {after}"
    if ran.code > 0 and steps and ran.kind != "live-folder-behind" and not _is_unsure(ran):
        yield f"it said that it failed ({ran.code}, {ran.kind}), and moved"
    if ran.kind == "live-folder-behind" and not steps:
        yield "it said that it moved, and did not"


def _last_operation(project: Project) -> list[str]:
    newest = project.must("log", "--operations", "-n", "1", "--json").answer["items"][0]
    return ["undo", str(newest["operation"]), "--json"]


def _deploy_other(project: Project) -> None:
    project.must(*_other_release(project))


def _judge_undo(project: Project, ran: Ran, before: State, after: State) -> Iterator[str]:
    told = replace(ran, out=json.dumps(ran.answer["moved"])) if ran.code == 0 else ran
    yield from _judge_move(project, told, before, after)


def see_live(project: Project) -> None:
    """Require that after the next command on environments the live folder is what prod is on, whole."""
    project.must("env", "list")
    if wrong := list(live_wrongs(project)):
        raise BrokenPromiseError(f"the live folder, after the next command: {wrong}")


def _deploy_latest(project: Project) -> None:
    project.must("deploy", "prod", "latest", "--json")


def _judge_checkout(project: Project, ran: Ran, before: State, after: State) -> Iterator[str]:
    yield from _unchanged(project, ran, before, after)
    out = project.folder / OUT
    if out.exists() and tree_of(out) != project.releases[after[0][-1]]:
        yield "what stands under the name is not the release"
    if ran.code == 0 and not out.exists():
        yield "it was acknowledged and is lost"
    if ran.code > 0 and out.exists():
        yield f"it said that it failed ({ran.code}, {ran.kind}), and the folder is there"


def _forget_checkout(project: Project) -> None:
    for path in (project.folder / OUT, *project.folder.glob(f".{OUT}.*")):
        shutil.rmtree(path, ignore_errors=True)


def _check_out_again(project: Project) -> None:
    _forget_checkout(project)
    _check_out(project, project.folder / OUT)
    _forget_checkout(project)


def _check_out(project: Project, out: Path) -> None:
    project.must("checkout", "latest", str(out))
    if tree_of(out) != project.releases[state(project)[0][-1]]:
        raise BrokenPromiseError("a checkout that was repeated is not the release")


_TORTURED = [
    Tortured("commit", lambda _: ["commit", "-m", "tried", "--json"], Project.edit, _judge_commit, _commit_again),
    Tortured("deploy", _other_release, _nothing, _judge_move, see_live),
    Tortured("rollback", lambda _: ["rollback", "prod", "--json"], _deploy_latest, _judge_move, see_live),
    Tortured("undo", _last_operation, _deploy_other, _judge_undo, see_live),
    Tortured("checkout", lambda it: ["checkout", "latest", str(it.folder / OUT), "--json"], _nothing, _judge_checkout, _check_out_again),
    Tortured("gc", lambda _: ["gc", "--apply", "--grace", "0s", "--json"], make_garbage, _unchanged, collect),
    Tortured("optimize", lambda _: ["optimize", "--json"], _one_more, _unchanged, collect),
    Tortured("repair", lambda _: ["repair", "--json"]),
    Tortured("verify", lambda _: ["verify", "--json"]),
]
