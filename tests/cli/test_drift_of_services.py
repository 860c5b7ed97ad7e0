"""Drift of services: what they say, what is fetched of them, what was observed of providers, and what a hostile one can do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from lastgood.integrations import running
from tests.cli.commands import Desk, error_of
from tests.cli.drifting import PROMPT, described, drifted, summaries
from tests.cli.service import Service, serving

HOSTED = '\n[components.llm]\nkind = "hosted"\nprovider = "openai"\nmodel = "gpt-4.1"\nfingerprint = "fp_1"\n'


@pytest.fixture
def place(three: Desk, tmp_path: Path) -> Path:
    """A checkout of what prod is on."""
    three.tell("checkout", "prod", str(tmp_path / "running"))
    return tmp_path / "running"


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as answering:
        yield answering


class TestServices:
    def test_what_should_run_does(self, three: Desk, place: Path, service: Service) -> None:
        url = service.say(described(three, place))
        assert three.ask("drift", "prod", url)["drift"] is False
        assert service.asked == ["/running.json"]

    def test_without_its_files_they_are_compared_by_digest(self, three: Desk, place: Path, service: Service) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        answer = drifted(three.run("drift", "prod", service.say(described(three, place)), "--json"))
        assert "its new bytes are not kept here: compared by its digest only" in summaries(answer)["prompts"]

    def test_with_its_files_only_those_that_differ_are_fetched(self, three: Desk, place: Path, service: Service) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        service.answers[f"/files/{PROMPT}"] = b"Cite everything.\n"
        url = service.say(described(three, place) | {"files_url": "/files/"})
        assert summaries(drifted(three.run("drift", "prod", url, "--json"))) == {
            "prompts": 'system.md: line 1: "Cite nothing." → "Cite everything."'
        }
        assert service.asked == ["/running.json", f"/files/{PROMPT}"]

    def test_what_the_registry_has_is_not_fetched(self, three: Desk, tmp_path: Path, service: Service) -> None:
        three.tell("checkout", "r2", str(tmp_path / "old"))
        url = service.say(described(three, tmp_path / "old") | {"files_url": "/files"})
        assert "Cite the policy, warmly." in summaries(drifted(three.run("drift", "prod", url, "--json")))["prompts"]
        assert service.asked == ["/running.json"]

    def test_bytes_that_are_not_what_it_says_are_not_believed(self, three: Desk, place: Path, service: Service) -> None:
        (place / PROMPT).write_text("Cite everything.\n")
        service.answers[f"/files/{PROMPT}"] = b"Cite nothing at all.\n"
        url = service.say(described(three, place) | {"files_url": "/files"})
        said = summaries(drifted(three.run("drift", "prod", url, "--json")))["prompts"]
        assert "the service gives other bytes for prompts/system.md than it says" in said
        assert "at all" not in said

    def test_contents_are_enough(self, three: Desk, service: Service) -> None:
        manifest = three.ask("show", "r2")["components"]
        contents = {one["name"]: {"content": one["content"]} for one in manifest}
        url = service.say({"schema": "lastgood.running/1", "components": contents})
        assert "Cite the policy, warmly." in summaries(drifted(three.run("drift", "prod", url, "--json")))["prompts"]
        contents["prompts"]["content"]["listing"] = "ab" * 32
        url = service.say({"schema": "lastgood.running/1", "components": contents})
        answer = drifted(three.run("drift", "prod", url, "--json"))
        assert [note["text"] for note in answer["notes"]] == ["the files of prompts are not known here: compared by its digest only"]

    def test_a_listing_that_is_none_is_refused(self, three: Desk, service: Service) -> None:
        manifest = three.ask("show", "r2")["components"]
        contents = {one["name"]: {"content": one["content"]} for one in manifest}
        (prompt,) = [one for one in described(three, three.root)["files"] if one["path"] == PROMPT]
        contents["prompts"]["content"]["listing"] = prompt["sha256"]
        url = service.say({"schema": "lastgood.running/1", "components": contents})
        assert three.fails("drift", "prod", url)["kind"] == "invalid-manifest"

    def test_a_release_is_better_than_nothing(self, three: Desk, service: Service) -> None:
        url = service.say({"schema": "lastgood.running/1", "release": three.ask("show", "r2")["release"]})
        answer = drifted(three.run("drift", "prod", url, "--json"))
        assert set(summaries(answer)) == {"prompts"}
        assert [note["text"] for note in answer["notes"]] == ["the service says that it runs r2, and nothing of its files"]
        url = service.say({"schema": "lastgood.running/1", "release": "ab" * 32})
        assert three.fails("drift", "prod", url)["kind"] == "not-found"


class TestHosted:
    @pytest.fixture
    def hosted(self, three: Desk) -> Desk:
        three.write("lastgood.toml", (three.root / "lastgood.toml").read_text() + HOSTED)
        three.tell("commit", "-m", "a hosted model")
        three.tell("deploy", "prod")
        return three

    def observed(self, desk: Desk, service: Service, seen: Mapping[str, str]) -> str:
        return service.say(described(desk, desk.root) | {"observed": {"llm": seen}})

    def test_a_provider_that_changed_its_model_is_caught(self, hosted: Desk, service: Service) -> None:
        answer = drifted(hosted.run("drift", "prod", self.observed(hosted, service, {"fingerprint": "fp_2"}), "--json"))
        assert summaries(answer) == {"llm": "same name, different fingerprint: the provider changed it; fingerprint fp_1 → fp_2"}

    def test_the_same_fingerprint_is_no_drift(self, hosted: Desk, service: Service) -> None:
        url = self.observed(hosted, service, {"fingerprint": "fp_1", "model": "gpt-4.1"})
        assert hosted.ask("drift", "prod", url)["drift"] is False

    def test_another_model_is_told_as_such(self, hosted: Desk, service: Service) -> None:
        url = self.observed(hosted, service, {"fingerprint": "fp_2", "model": "gpt-4o"})
        assert summaries(drifted(hosted.run("drift", "prod", url, "--json"))) == {"llm": "model gpt-4.1 → gpt-4o; fingerprint fp_1 → fp_2"}

    def test_of_what_is_not_declared_nothing_can_drift(self, hosted: Desk, service: Service) -> None:
        hosted.write("lastgood.toml", (hosted.root / "lastgood.toml").read_text().replace('fingerprint = "fp_1"\n', ""))
        hosted.tell("commit", "-m", "not pinned")
        hosted.tell("deploy", "prod")
        assert hosted.ask("drift", "prod", self.observed(hosted, service, {"fingerprint": "fp_2"}))["drift"] is False


def document(**fields: object) -> dict[str, object]:
    return {"schema": "lastgood.running/1", "files": [], **fields}


FILE = {"path": "a", "sha256": "ab" * 32, "size": 1, "mode": "file"}
HOSTILE: dict[str, object] = {
    "no JSON": b"<html>",
    "no object": b"[]",
    "deep": b"[" * 100_000,
    "no UTF-8": b'{"schema": "\xff"}',
    "no schema": b"{}",
    "another schema": {"schema": "lastgood.release/1"},
    "nothing in it": {"schema": "lastgood.running/1"},
    "files that are no list": document(files={}),
    "files that are no objects": document(files=[1]),
    "a path that leads out": document(files=[FILE | {"path": "../a"}]),
    "an absolute path": document(files=[FILE | {"path": "/etc/passwd"}]),
    "a path twice": document(files=[FILE, FILE]),
    "paths that fold together": document(files=[FILE, FILE | {"path": "A"}]),
    "no digest": document(files=[FILE | {"sha256": "ab"}]),
    "a negative size": document(files=[FILE | {"size": -1}]),
    "a size that is none": document(files=[FILE | {"size": True}]),
    "a mode that is none": document(files=[FILE | {"mode": "suid"}]),
    "a component without a name": document(components={"../x": {}}),
    "a component without content": document(components={"llm": {}}),
    "a release that is none": document(release="r1"),
    "an observation that is none": document(observed={"llm": 1}),
    "files elsewhere": document(files_url="http://169.254.169.254/latest"),
    "files of another scheme": document(files_url="file:///etc"),
    "files at another port": document(files_url="//127.0.0.1:1/"),
    "files at no address": document(files_url="http://[::1"),
}


class TestHostileServices:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_what_is_not_right_is_refused_by_name(self, three: Desk, service: Service, name: str) -> None:
        said = HOSTILE[name]
        service.answers["/running.json"] = said if isinstance(said, bytes) else json.dumps(said).encode()
        error = three.fails("drift", "prod", service.url())
        assert error["kind"] == "invalid-manifest"
        assert service.asked == ["/running.json"]

    def test_a_newer_schema_asks_for_a_newer_version(self, three: Desk, service: Service) -> None:
        assert three.fails("drift", "prod", service.say({"schema": "lastgood.running/2"}))["kind"] == "newer-schema"

    @pytest.mark.parametrize(
        ("status", "kind"), [(404, "not-found"), (401, "not-allowed"), (403, "not-allowed"), (500, "unavailable"), (503, "unavailable")]
    )
    def test_a_status_is_an_error_by_name(self, three: Desk, service: Service, status: int, kind: str) -> None:
        service.statuses["/running.json"] = (status, {})
        assert three.fails("drift", "prod", service.url())["kind"] == kind

    @pytest.mark.parametrize("target", ["/other", "http://169.254.169.254/", "file:///etc/passwd"])
    def test_no_redirect_is_followed(self, three: Desk, service: Service, target: str) -> None:
        service.statuses["/running.json"] = (302, {"location": target})
        error = three.fails("drift", "prod", service.url())
        assert (error["kind"], service.asked) == ("unavailable", ["/running.json"])
        assert target in error["message"]

    def test_too_much_is_refused(self, three: Desk, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(running, "LARGEST", 1_000)
        service.answers["/running.json"] = b" " * 2_000
        assert three.fails("drift", "prod", service.url())["kind"] == "invalid"

    @pytest.mark.parametrize("start", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nx: "], ids=["body", "headers"])
    def test_an_answer_without_an_end_ends(self, three: Desk, service: Service, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
        monkeypatch.setattr(running, "LONGEST_SECONDS", 0.2)
        given_up = threading.Event()

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(start)
            try:
                for _ in range(500):
                    handler.wfile.write(b"x")
                    time.sleep(0.02)
            except OSError:
                given_up.set()

        service.special["/running.json"] = drip
        error = three.fails("drift", "prod", service.url())
        assert (error["kind"], "takes more than" in error["message"]) == ("unavailable", True)
        assert given_up.wait(60)

    def test_half_an_answer_is_none(self, three: Desk, service: Service) -> None:
        def half(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("content-length", "1000")
            handler.end_headers()
            handler.wfile.write(json.dumps(document()).encode())

        service.special["/running.json"] = half
        assert three.fails("drift", "prod", service.url())["kind"] == "unavailable"

    def test_what_speaks_no_http_is_unavailable(self, three: Desk, service: Service) -> None:
        def greet(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

        service.special["/running.json"] = greet
        assert three.fails("drift", "prod", service.url())["kind"] == "unavailable"

    def test_nobody_there_is_unavailable(self, three: Desk) -> None:
        assert three.fails("drift", "prod", "http://127.0.0.1:9/running.json")["kind"] == "unavailable"

    def test_what_it_says_cannot_steer_a_terminal(self, three: Desk, service: Service) -> None:
        files = [FILE | {"path": "prompts/\u202etxt.md"}]
        ran = three.run("drift", "prod", service.say(document(files=files)))
        assert ran.code == 7
        assert "\u202e" not in ran.out + ran.err


def test_a_failure_with_json_is_one_object(three: Desk) -> None:
    assert error_of(three.run("drift", "prod", "http://127.0.0.1:9/", "--json"))["hint"]
