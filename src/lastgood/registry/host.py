"""What a host knows of a registry's ledger: its private keys, which command signs, and which is told of each checkpoint.

`.lastgood/keys/<id>.key` holds a private key, under the id that its signatures bear.

`.lastgood/ledger.json`, made by `lastgood ledger key --signer` and `lastgood ledger witness`; it is no part of the registry,
so no command ever comes out of a catalog or a bundle that somebody else wrote.

    {"schema": "lastgood.ledger-host/1", "signer": ["ssh-sign", "…"] or null, "witness": ["git-witness"] or null}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.errors import Integrity, Invalid, of_os_error
from lastgood.ledger.notes import VerifierKey
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema
from lastgood.workspace.durable import replace_file

KEYS = "keys"
HOST_FILE = "ledger.json"
_SCHEMA = "lastgood.ledger-host/1"
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Host:
    """Commands, as lists of words; None where there is none."""

    signer: tuple[str, ...] | None = None
    witness: tuple[str, ...] | None = None


def read_host(folder: Path) -> Host:
    """Return what this host knows of the registry in a folder.

    Raises:
        Integrity: its file is not right.
    """
    path = folder / HOST_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Host()
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be read") from error
    try:
        fields = Fields(parse_json_object(data[:_LARGEST]), HOST_FILE)
        check_schema(fields.text("schema"), _SCHEMA)
        return Host(fields.texts("signer") or None, fields.texts("witness") or None)
    except Invalid as error:
        raise Integrity(f"{path} is not right: {error}; nothing was changed", hint=f"correct it, or rm {path}") from error


def write_host(folder: Path, host: Host) -> None:
    """Keep what this host knows, durably."""
    document = {"schema": _SCHEMA, "signer": _listed(host.signer), "witness": _listed(host.witness)}
    try:
        replace_file(folder / HOST_FILE, canonical_json(document))
    except OSError as error:
        raise of_os_error(error, f"{folder / HOST_FILE} cannot be written") from error


def key_file(folder: Path, key: VerifierKey) -> Path:
    """Return where the private half of a key of the registry in a folder is, if this host has it."""
    return folder / KEYS / f"{key.id.hex()}.key"


def _listed(command: tuple[str, ...] | None) -> list[str] | None:
    return None if command is None else list(command)
