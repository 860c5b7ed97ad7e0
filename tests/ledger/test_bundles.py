"""Bundles: a release goes from one registry to another in one file, and nothing that was changed on the way goes unnoticed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from lastgood.canonical import Json, canonical_json
from tests.cli.commands import Desk, run


@pytest.fixture
def ci(tmp_path: Path) -> Desk:
    """Another registry, which has a release of its own."""
    desk = Desk(tmp_path / "ci")
    desk.root.mkdir()
    desk.tell("init", "--pipeline", "support-bot")
    return desk


@pytest.fixture
def bundle(three: Desk, tmp_path: Path) -> Path:
    """The second release of three, signed, in a bundle."""
    three.tell("ledger", "sign", "r2")
    three.tell("export", "r2", str(tmp_path / "r2.bundle"))
    return tmp_path / "r2.bundle"


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_release_arrives_as_it_left(three: Desk, ci: Desk, bundle: Path) -> None:
    key = three.ask("ledger", "show")["keys"][0]["verifier_key"]
    sent = three.ask("show", "r2")
    answer = ci.ask("import", "bundle", str(bundle), "--key", key)

    assert (answer["release"], answer["number"], answer["created"], answer["signed_by"]) == (sent["release"], 1, True, key)
    came = ci.ask("show", "r1")
    assert {name: came[name] for name in ("release", "components", "message", "author")} == {
        name: sent[name] for name in ("release", "components", "message", "author")
    }
    three.tell("checkout", "r2", "out")
    ci.tell("checkout", "r1", "out")
    assert files_in(ci.root / "out") == files_in(three.root / "out")
    assert ci.ask("verify", "--full")["ok"] is True
    assert ci.ask("deploy", "prod", "r1")["to"] == sent["release"]
    again = ci.ask("import", "bundle", str(bundle), "--key", key)
    assert (again["created"], again["number"]) == (False, 1)


def test_it_comes_after_what_is_there(three: Desk, ci: Desk, bundle: Path, tmp_path: Path) -> None:
    ci.tell("import", "bundle", str(bundle))
    three.commit("Later.")
    three.tell("export", "latest", str(tmp_path / "later.bundle"))
    assert ci.ask("import", "bundle", str(tmp_path / "later.bundle"))["number"] == 2
    assert ci.ask("diff", "r1", "r2")["components"]
    assert len(list((ci.registry / "store/packs").rglob("*.pack"))) == 2


def test_anybody_can_look_into_one(bundle: Path, tmp_path: Path) -> None:
    with tarfile.open(bundle) as opened:
        opened.extractall(tmp_path / "opened", filter="data")
    for path in (tmp_path / "opened/files").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    manifest = json.loads((tmp_path / "opened/manifest.json").read_bytes())
    assert hashlib.sha256((tmp_path / "opened/release.json").read_bytes()).hexdigest() == manifest["release"]
    assert run("ledger", "check", str(tmp_path / "opened/proof.json")).code == 0


def test_every_flipped_byte_is_found(ci: Desk, bundle: Path) -> None:
    whole = bundle.read_bytes()
    before = ci.ask("ledger", "show")
    places = {*range(0, len(whole), 97), *range(1_600), *range(len(whole) - 2_100, len(whole))}
    for place in sorted(places):
        bundle.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        error = ci.fails("import", "bundle", str(bundle))
        assert error["kind"] in {"integrity", "newer-schema"}, (place, error)
    for length in (0, 1, 511, 512, 4_096, len(whole) - 1):
        bundle.write_bytes(whole[:length])
        assert ci.fails("import", "bundle", str(bundle))["kind"] == "integrity"
    bundle.write_bytes(whole + b"\0")
    assert ci.fails("import", "bundle", str(bundle))["kind"] == "integrity"
    assert ci.ask("ledger", "show") == before
    assert ci.ask("verify")["ok"] is True
    assert ci.ask("log")["items"] == []


def rebuilt(bundle: Path, change: str) -> None:
    """Write a bundle anew in which everything fits, but for what its proofs say."""
    with tarfile.open(bundle) as opened:
        members = {one.name: opened.extractfile(one).read() for one in opened.getmembers()}  # type: ignore[union-attr]
    manifest = json.loads(members.pop("manifest.json"))
    members.pop("manifest.json.sha256")
    prompt = hashlib.sha256(b"You answer questions of customers.\nCite nothing.\n").hexdigest()
    match change:
        case "a file less":
            members.pop(next(name for name in reversed(members) if name.startswith("files/")))
        case "a file more":
            members[f"files/{hashlib.sha256(b'more').hexdigest()}"] = b"more"
        case "another event":
            members["event.json"] = members["event.json"].replace(b'"number":2', b'"number":3')
        case "another author":
            texts = json.loads(members["texts.json"])
            members["texts.json"] = canonical_json(texts | {"author": texts["author"] | {"text": "mallory@example.org"}})
        case "another release":
            members["release.json"] = members["release.json"].replace(b'"parents":[', b'"parents":["' + prompt.encode() + b'",')
            manifest["release"] = hashlib.sha256(members["release.json"]).hexdigest()
        case "another origin":
            manifest["registry"] = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
        case "another signature":
            members["signature.json"] = members["signature.json"].replace(b'"sig":"', b'"sig":"AAAA')[:-1] + b"}"
        case _:
            proof = json.loads(members["proof.json"])
            members["proof.json"] = canonical_json(proof | {"index": proof["index"] + 1})
    listed: list[Json] = [{"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()]
    head = canonical_json({**manifest, "members": listed})
    proof_of_head = f"{hashlib.sha256(head).hexdigest()}  manifest.json\n".encode()
    with bundle.open("wb") as file:
        for name, data in {"manifest.json": head, **members, "manifest.json.sha256": proof_of_head}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
        file.write(bytes(1024))


CHANGES = [
    "a file less",
    "a file more",
    "another event",
    "another author",
    "another release",
    "another origin",
    "another signature",
    "another number",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_bundle_that_somebody_made_anew_is_found_out(ci: Desk, bundle: Path, change: str) -> None:
    rebuilt(bundle, change)
    before = ci.ask("ledger", "show")
    error = ci.fails("import", "bundle", str(bundle))
    assert error["kind"] == "integrity", error
    assert "nothing was" in error["message"] or "proof" in error["message"]
    assert ci.ask("ledger", "show") == before


def test_the_rebuilding_itself_changes_nothing_that_matters(ci: Desk, bundle: Path) -> None:
    """Else the test above would show nothing."""
    whole = bundle.read_bytes()
    with tarfile.open(bundle) as opened:
        assert opened.getnames()[0] == "manifest.json"
    rebuilt(bundle, "a file more")
    assert bundle.read_bytes() != whole
    bundle.write_bytes(whole)
    assert ci.ask("import", "bundle", str(bundle))["created"] is True


def test_a_history_signed_by_somebody_else_is_not_taken(ci: Desk, bundle: Path) -> None:
    stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    error = ci.fails("import", "bundle", str(bundle), "--key", stranger)
    assert (error["kind"], ci.ask("log")["items"]) == ("integrity", [])


def test_a_file_that_is_there_is_left_as_it_is(three: Desk, bundle: Path) -> None:
    before = bundle.read_bytes()
    assert three.fails("export", "r1", str(bundle))["kind"] == "already-exists"
    assert bundle.read_bytes() == before
    assert three.fails("export", "r1", "nowhere/r1.bundle")["kind"] == "not-found"
    assert three.fails("import", "bundle", "nowhere")["kind"] == "not-found"
    assert [path for path in bundle.parent.iterdir() if ".lastgood-" in path.name] == []


def test_a_release_that_lost_a_byte_is_not_exported(three: Desk, tmp_path: Path) -> None:
    for pack in (three.registry / "store/packs").rglob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[20] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    assert three.fails("export", "r3", str(tmp_path / "r3.bundle"))["kind"] == "integrity"
    assert not (tmp_path / "r3.bundle").exists()
