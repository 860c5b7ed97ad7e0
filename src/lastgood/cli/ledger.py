"""`lastgood ledger`: what is signed, checkpoints to keep elsewhere, proofs, and the key that signs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastgood.cli.session import Session, in_session
from lastgood.compare.wording import count
from lastgood.errors import AlreadyExists, Invalid, of_os_error

if TYPE_CHECKING:
    from lastgood.api import OpenRegistry
    from lastgood.canonical import JsonObject
    from lastgood.ledger.notes import VerifierKey


@click.group("ledger")
def command() -> None:
    """Show what is signed; write checkpoints and proofs that others can check; change the key."""


@command.command("show")
@in_session
def show_command(session: Session) -> None:
    """Show how long the history is, how much of it is signed, and by which keys."""
    with session.registry() as registry:
        state = registry.ledger.state()
    output = session.output
    output.data(f"registry {state.registry}: {count(state.size, 'event')}, {state.signed} of them signed")
    for number, (sequence, key) in enumerate(state.keys):
        until = "now" if number == len(state.keys) - 1 else f"event {state.keys[number + 1][0]}"
        output.data(f"key {key.id.hex()} from event {sequence} until {until}: {key}")
    if state.host.signer is not None:
        output.data(f"signed by the command: {shlex.join(state.host.signer)}")
    if state.host.witness is not None:
        output.data(f"witness: {shlex.join(state.host.witness)}")
    output.answer(
        "ledger-show",
        {
            "registry": str(state.registry),
            "events": state.size,
            "signed": state.signed,
            "keys": [{"from": sequence, "id": key.id.hex(), "verifier_key": str(key)} for sequence, key in state.keys],
            "checkpoint": None if state.note is None else state.note.decode(),
            "signer": None if state.host.signer is None else list(state.host.signer),
            "witness": None if state.host.witness is None else list(state.host.witness),
        },
    )


@command.command("checkpoint")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@in_session
def checkpoint_command(session: Session, file: Path | None) -> None:
    """Write the newest checkpoint, to be kept where nobody who can change the registry can change it.

    `lastgood verify --against FILE` then finds a history that was cut off, rewritten or put back, whoever did it.
    The form is a signed note (c2sp.org/tlog-checkpoint).
    """
    with session.registry() as registry:
        note = registry.ledger.checkpoint()
    _write(session, file, note.decode())
    session.output.answer("ledger-checkpoint", {"checkpoint": note.decode(), "file": None if file is None else str(file)})


@command.command("prove")
@click.argument("what", metavar="EVENT|REV", required=False)
@click.option("--since", metavar="N|FILE", help="Prove that the history at N events, or at a checkpoint, is a beginning of this one.")
@click.option("--output", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write the proof into a new file.")
@in_session
def prove_command(session: Session, what: str | None, since: str | None, file: Path | None) -> None:
    """Prove that an event, or the making of a release, is in the signed history; or that the history only grew.

    The proof is JSON with the signed checkpoint in it. `lastgood ledger check FILE` checks it anywhere, without a registry.
    """
    if (what is None) == (since is None):
        raise Invalid("name an event or a release, or say --since N", hint="lastgood ledger prove --help")
    with session.registry() as registry:
        keys = [str(key) for _, key in registry.ledger.state().keys]
        document = _proof(registry, what, keys) if what is not None else _proof_since(registry, _size_of(session, str(since)), keys)
    if file is not None:
        _write(session, file, json.dumps(document, indent=2) + "\n")
    else:
        session.output.data("proven; --output FILE writes the proof, --json prints it")
    session.output.answer("ledger-prove", {"kind": document["kind"], "file": None if file is None else str(file), "proof": document})


@command.command("check")
@click.argument("file", metavar="PROOF", type=click.Path(path_type=Path))
@click.option(
    "--key", "keys", metavar="KEY", multiple=True, help="A verifier key you trust; may be repeated. [default: those in the proof]"
)
@click.option("--against", metavar="FILE", type=click.Path(path_type=Path), help="The old checkpoint, where the proof is one of --since.")
@in_session
def check_command(session: Session, file: Path, keys: tuple[str, ...], against: Path | None) -> None:
    """Check a proof that `ledger prove` wrote; no registry is needed. Exit 7 if it proves nothing."""
    from lastgood.ledger.proofs import check_proof  # noqa: PLC0415

    said = check_proof(session.read_small(file), keys, None if against is None else session.read_small(against))
    if not keys:
        session.output.warn("the keys are those that the proof itself names; say --key KEY to trust only one you know")
    session.output.data(said.words)
    session.output.answer("ledger-check", {"ok": True, "kind": said.kind, "size": said.size, "event": said.event})


@command.command("sign")
@click.argument("revision", metavar="REV")
@in_session
def sign_command(session: Session, revision: str) -> None:
    """Sign a release with the key that signs the history: its manifest and every file, as a statement of in-toto.

    `lastgood verify REV` checks it. `commit --sign` signs at once, `sign = true` in lastgood.toml signs every release.
    """
    with session.registry() as registry:
        release = registry.releases.find(revision).release
        signed = registry.ledger.sign(release)
    session.output.data(f"{release.label} {release.release.short} is signed by {signed.key.id.hex()}")
    session.output.answer("ledger-sign", {"release": str(release.release), "number": release.number, "key": str(signed.key)})


@command.command("key")
@click.option("--new", "is_new", is_flag=True, help="Make a new key in a file of this host.")
@click.option("--signer", "signer", metavar="COMMAND", help="Let a command sign: it gets the bytes on its input and prints base64.")
@click.option("--key", "key", metavar="KEY", help="The verifier key of the command.")
@click.option("--lost", "is_lost", is_flag=True, help="The old key is lost, so it cannot give its consent.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays in the history.")
@in_session
def key_command(session: Session, is_new: bool, signer: str | None, key: str | None, is_lost: bool, reason: str) -> None:
    """Let another key sign the history from now on; the change is an event that the old key agrees to.

    With --lost it does not: then `lastgood verify` calls it a problem until you say `lastgood ledger trust ID` on each
    machine that verifies.
    """
    if is_new == (signer is not None) or (signer is None) != (key is None):
        raise Invalid("say --new, or --signer COMMAND with --key KEY", hint="lastgood ledger key --help")
    with session.registry() as registry:
        set_key = registry.ledger.set_key(
            reason, is_lost=is_lost, command=None if signer is None else _words(signer), key=None if key is None else _key(key)
        )
    session.output.data(f"signed from now on by {set_key.id.hex()}: {set_key}")
    session.output.answer("ledger-key", {"id": set_key.id.hex(), "verifier_key": str(set_key)})


@command.command("trust")
@click.argument("key_id", metavar="ID")
@in_session
def trust_command(session: Session, key_id: str) -> None:
    """Say, for your user on this machine, that a key which came without the old one's consent is the right one."""
    with session.registry() as registry:
        key = registry.ledger.trust(key_id)
    session.output.data(f"trusted on this machine: {key}")
    session.output.answer("ledger-trust", {"id": key.id.hex(), "verifier_key": str(key)})


@command.command("accept")
@in_session
def accept_command(session: Session) -> None:
    """Say, for your user on this machine, that the history which is there now is the right one.

    After a backup was put in the place of a registry: nothing is changed or deployed, and `lastgood verify` complains, as long
    as the history is not the one that was seen here before.
    """
    with session.registry() as registry:
        state = registry.ledger.accept()
    session.output.data(f"accepted on this machine: {count(state.size, 'event')} of {state.registry}")
    session.output.answer("ledger-accept", {"registry": str(state.registry), "events": state.size})


@command.command("witness")
@click.argument("words", metavar="[COMMAND]…", nargs=-1)
@click.option("--none", "is_none", is_flag=True, help="Tell nobody any more.")
@in_session
def witness_command(session: Session, words: tuple[str, ...], is_none: bool) -> None:
    """Let a command of this host be told of each new checkpoint, on its input: to commit it elsewhere, or to send it.

    A witness that fails stops nothing: you are warned, and the next change tells it again.
    """
    if bool(words) == is_none:
        raise Invalid("name a command, or say --none", hint="lastgood ledger witness -- COMMAND …")
    with session.registry() as registry:
        registry.ledger.set_witness(words or None)
    session.output.data(f"told of each checkpoint from now on: {shlex.join(words)}" if words else "nobody is told of checkpoints any more")
    session.output.answer("ledger-witness", {"witness": list(words) or None})


def _proof(registry: OpenRegistry, what: str, keys: list[str]) -> JsonObject:
    from lastgood.ledger.proofs import inclusion_document  # noqa: PLC0415

    event = int(what[:18]) if what.isdecimal() else registry.releases.find(what).release.sequence
    found = registry.ledger.prove(event)
    return inclusion_document(found.index, found.event, found.proof, found.note, keys)


def _proof_since(registry: OpenRegistry, size: int, keys: list[str]) -> JsonObject:
    from lastgood.ledger.proofs import consistency_document  # noqa: PLC0415

    found = registry.ledger.prove_since(size)
    return consistency_document(found.old, found.proof, found.note, keys)


def _words(line: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise Invalid(f"the command cannot be read: {error}; nothing was changed") from error
    if not words:
        raise Invalid("the command is empty; nothing was changed")
    return words


def _key(text: str) -> VerifierKey:
    from lastgood.ledger.notes import VerifierKey  # noqa: PLC0415

    return VerifierKey.parse(text)


def _size_of(session: Session, since: str) -> int:
    if since.isdecimal():
        return int(since[:18])
    from lastgood.ledger.checkpoint import Checkpoint  # noqa: PLC0415
    from lastgood.ledger.notes import open_note  # noqa: PLC0415

    return Checkpoint.parse(open_note(session.read_small(Path(since)), ()).text).size


def _write(session: Session, file: Path | None, text: str) -> None:
    if file is None:
        if not session.output.json:
            session.output.data(text.removesuffix("\n"))
        return
    try:
        with (session.folder / file).open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise AlreadyExists(f"{file} is there already; it was left as it is", hint="name a new file") from error
    except OSError as error:
        raise of_os_error(error, f"{file} cannot be written") from error
    session.output.data(f"written to {file}")
