"""What signs: a private key in a file, or a command that asks whoever holds it (a token, a cloud's key service).

The file holds one line, the signer key of Go's note package: `PRIVATE+KEY+NAME+HEXID+BASE64(0x01 ‖ 32 bytes)`. It is made
with mode 0600, durable before anybody counts on it, and never replaces another; a file that others may read is refused.

A command is a list of words, run without a shell. It gets the bytes to sign on its input, and prints the signature as
base64. What it gives is checked before it is used.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lastgood.errors import AlreadyExists, Integrity, NotAllowed, NotFound, Unavailable, of_os_error
from lastgood.ledger.notes import ED25519, PUBLIC_BYTES, SIGNATURE_BYTES, VerifierKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECONDS_TO_SIGN = 30
_PREFIX = "PRIVATE+KEY+"
_LARGEST = 1 << 12


@dataclass(frozen=True, slots=True)
class FileSigner:
    """Signs with a private key that was read from a file."""

    key: VerifierKey
    _seed: bytes

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return _private_key(self._seed).sign(message)

    def document(self) -> bytes:
        """Return what stands in the file."""
        encoded = base64.b64encode(ED25519 + self._seed).decode()
        return f"{_PREFIX}{self.key.name}+{self.key.id.hex()}+{encoded}\n".encode()

    def __repr__(self) -> str:
        """Name the key, and never its private half."""
        return f"FileSigner({self.key})"


@dataclass(frozen=True, slots=True)
class CommandSigner:
    """Signs by running a command."""

    key: VerifierKey
    command: tuple[str, ...]

    def sign(self, message: bytes) -> bytes:
        """Return the signature that the command gives.

        Raises:
            Unavailable: it cannot be run, fails, takes too long, or prints something else.
        """
        import subprocess  # noqa: PLC0415 - few registries are signed so

        what = f"the signing command {self.command[0]!r}"
        try:
            ran = subprocess.run(self.command, input=message, capture_output=True, timeout=SECONDS_TO_SIGN, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{what} did not sign: {error}") from error
        if ran.returncode != 0:
            said = ran.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing was said"]
            raise Unavailable(f"{what} did not sign: exit code {ran.returncode}, {said[0][:200]}")
        try:
            signature = base64.b64decode(ran.stdout.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unavailable(f"{what} did not print a signature in base64") from error
        if len(signature) != SIGNATURE_BYTES:
            raise Unavailable(f"{what} printed {len(signature)} bytes, and not the {SIGNATURE_BYTES} of a signature")
        return signature


def new_signer(name: str, seed: bytes) -> FileSigner:
    """Return what signs with the private key that 32 random bytes are."""
    return FileSigner(VerifierKey.parse(str(VerifierKey(name, _private_key(seed).public_key().public_bytes_raw()))), seed)


def write_key_file(path: Path, signer: FileSigner) -> None:
    """Write a private key, durably, into a new file that only its owner reads, in a folder that only they enter.

    Raises:
        AlreadyExists: there is a file of that name.
        NotAllowed, StorageFull, ReadOnly, Unavailable: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(signer.document())
            file.flush()
            os.fsync(file.fileno())
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} is there already; it was left as it is") from error
    except OSError as error:
        path.unlink(missing_ok=True)
        raise of_os_error(error, f"{path} cannot be written") from error


def read_key_file(path: Path) -> FileSigner:
    """Read a private key.

    Raises:
        NotFound: there is no such file.
        NotAllowed: others than its owner may read it, or it may not be read.
        Integrity: it holds no key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LARGEST)
    except FileNotFoundError as error:
        raise NotFound(f"the signing key {path} is not there; nothing was changed", hint="lastgood ledger show") from error
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be read") from error
    if stat.S_IMODE(mode) & 0o077:
        raise NotAllowed(f"{path} holds a private key, and others than its owner may use it; nothing was changed", hint=f"chmod 600 {path}")
    return _parse(data, path)


def _parse(data: bytes, path: Path) -> FileSigner:
    text = data.decode(errors="replace").removesuffix("\n")
    name, _, rest = text.removeprefix(_PREFIX).partition("+")
    known, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if text.startswith(_PREFIX) and raw[:1] == ED25519 and len(raw) == 1 + PUBLIC_BYTES:
        signer = new_signer(name, raw[1:])
        if known == signer.key.id.hex():
            return signer
    raise Integrity(f"{path} holds no signing key; nothing was changed", hint="put back a copy of it")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as PrivateKey  # noqa: PLC0415 - see notes

    return PrivateKey.from_private_bytes(seed)
