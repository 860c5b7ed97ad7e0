"""Signed notes and checkpoints are C2SP's: the published example, and what is not one."""

from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import AlreadyExists, Integrity, Invalid, NotAllowed, NotFound, Unavailable
from lastgood.ids import RegistryId
from lastgood.ledger.checkpoint import Checkpoint, origin_of
from lastgood.ledger.notes import VerifierKey, open_note, sign_note
from lastgood.ledger.signer import CommandSigner, FileSigner, new_signer, read_key_file, write_key_file
from tests.model.values import effort

# The example of https://c2sp.org/signed-note and of Go's golang.org/x/mod/sumdb/note.
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
NOTE = f"{TEXT}\n{LINE}".encode()
KEY = VerifierKey.parse(VERIFIER)


def peter(folder: Path) -> FileSigner:
    path = folder / "peter.key"
    path.write_text(PRIVATE + "\n")
    path.chmod(0o600)
    return read_key_file(path)


def test_the_published_note_is_signed(tmp_path: Path) -> None:
    assert str(KEY) == VERIFIER
    assert open_note(NOTE, [KEY]).signed_by == (KEY,)
    assert open_note(NOTE, [KEY]).text == TEXT
    assert peter(tmp_path).key == KEY
    assert sign_note(TEXT, peter(tmp_path)) == NOTE


def test_a_signature_by_a_stranger_is_passed_over() -> None:
    stranger = new_signer("stranger", bytes(32))
    both = NOTE + sign_note(TEXT, stranger).split(b"\n\n")[-1]
    assert open_note(both, [KEY]).signed_by == (KEY,)
    assert open_note(both, []).signed_by == ()
    assert open_note(both, [stranger.key, KEY]).signed_by == (KEY, stranger.key)


@effort(60)
@given(st.integers(0, len(NOTE) * 8 - 1))
def test_a_flipped_bit_is_never_signed(place: int) -> None:
    changed = bytearray(NOTE)
    changed[place // 8] ^= 1 << place % 8
    try:
        opened = open_note(bytes(changed), [KEY])
    except (Invalid, Integrity):
        return
    # What is left is a flip in the name or the id: somebody else's signature, which is nobody's.
    assert opened.signed_by == ()


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        TEXT.encode(),
        NOTE[:-1],
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace(b"If", b"\x00f"),
        NOTE.replace(b"If", b"\xff\xfe"),
        f"{TEXT}\n{LINE.replace('x08go', '!!!!!')}".encode(),
        f"{TEXT}\n{LINE.replace('PeterNeumann', 'Peter+Neumann')}".encode(),
        f"{TEXT}\n{LINE.removeprefix(chr(0x2014))}".encode(),
        f"{TEXT}\n{LINE * 101}".encode(),
        b"a" * (1 << 20) + NOTE,
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(Invalid):
        open_note(note, [KEY])


@pytest.mark.parametrize(
    "text",
    ["", "PeterNeumann", VERIFIER.replace("c74f20a3", "c74f20a4"), VERIFIER.replace("ARpc", "AhRp"), VERIFIER[:-4], f" {VERIFIER}"],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        VerifierKey.parse(text)


def test_a_checkpoint_is_three_lines_and_may_have_more() -> None:
    registry = RegistryId("6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10")
    point = Checkpoint(origin_of(registry), 17, bytes(range(32)))
    assert point.text() == f"lastgood/registry/{registry}\n17\n{base64.b64encode(bytes(range(32))).decode()}\n"
    assert Checkpoint.parse(point.text() + "an extension\n") == point


@pytest.mark.parametrize(
    "text", ["", "a\n", "a\n1\n", "a\n01\nAAAA\n", f"a\n-1\n{'A' * 43}=\n", f"\n1\n{'A' * 43}=\n", f"a\n1\n{'A' * 42}\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Checkpoint.parse(text)


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    signer = new_signer("a", os.urandom(32))
    path = tmp_path / "keys" / "a.key"
    write_key_file(path, signer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_key_file(path).key == signer.key
    assert "PRIVATE" not in repr(signer)
    with pytest.raises(AlreadyExists):
        write_key_file(path, signer)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(NotAllowed, match="others than its owner"):
            read_key_file(path)


@pytest.mark.parametrize("content", ["", "PRIVATE+KEY+a", PRIVATE.replace("c74f20a3", "00000000"), PRIVATE[:-8], VERIFIER])
def test_what_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.key"
    with pytest.raises(NotFound):
        read_key_file(path)
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(Integrity):
        read_key_file(path)


SIGN = """
import base64, sys
from lastgood.ledger.signer import read_key_file
from pathlib import Path
print(base64.b64encode(read_key_file(Path(sys.argv[1])).sign(sys.stdin.buffer.read())).decode())
"""


def test_a_command_signs(tmp_path: Path) -> None:
    peter(tmp_path)
    command = CommandSigner(KEY, (sys.executable, "-c", SIGN, str(tmp_path / "peter.key")))
    assert sign_note(TEXT, command) == NOTE


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("import sys; sys.exit(3)", Unavailable),
        ("print('no signature')", Unavailable),
        ("print('AAAA')", Unavailable),
        ("import base64; print(base64.b64encode(bytes(64)).decode())", Integrity),
    ],
)
def test_a_command_that_does_not_sign_is_said(script: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        sign_note(TEXT, CommandSigner(KEY, (sys.executable, "-c", script)))
    with pytest.raises(Unavailable, match="did not sign"):
        sign_note(TEXT, CommandSigner(KEY, ("/no/such/command",)))
