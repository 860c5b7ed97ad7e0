"""Hooks: signed as Standard Webhooks has it, tried again in bounded time, and never more than told about."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lastgood.clock import FixedClock
from lastgood.errors import Invalid
from lastgood.integrations.hooks import ATTEMPTS, Attempt, CommandCall, Delivery, WebhookCall, deliver
from lastgood.integrations.webhook import parse_secret, sign

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
CLOCK = FixedClock(datetime(2026, 11, 2, 14, 5, tzinfo=UTC))


class Receiver(BaseHTTPRequestHandler):
    """Answers with the codes it is told to, in turn, and remembers what it got."""

    codes: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        code = self.codes.pop(0) if self.codes else 204
        self.send_response(code)
        if code in {301, 307}:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - whatever it would say
        pass


@contextmanager
def receiving(*codes: int) -> Iterator[str]:
    Receiver.codes, Receiver.got = list(codes), []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def call(url: str) -> WebhookCall:
    return WebhookCall(url, KEY, "msg_1", b'{"a":1}', CLOCK)


def test_the_vector_of_the_specification() -> None:
    secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_what_it_gets() -> None:
    with receiving(204) as url:
        assert call(url)() == Attempt(is_delivered=True, code=204)
    ((_, headers, body),) = Receiver.got
    assert (headers["webhook-id"], headers["webhook-timestamp"], headers["content-type"]) == ("msg_1", "1793628300", "application/json")
    expected = hmac.new(KEY, b"msg_1.1793628300." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert json.loads(body) == {"a": 1}


def test_it_is_tried_again_with_growing_pauses() -> None:
    pauses: list[float] = []
    with receiving(500, 429, 204) as url:
        assert deliver(call(url), pauses.append) == Delivery(is_delivered=True, attempts=3, code=204, why="")
    assert pauses == [0.5, 1.0]
    assert len({headers["webhook-id"] for _, headers, _ in Receiver.got}) == 1


def test_it_is_not_tried_for_ever() -> None:
    pauses: list[float] = []
    with receiving(*[503] * 9) as url:
        told = deliver(call(url), pauses.append)
    assert told == Delivery(is_delivered=False, attempts=ATTEMPTS, code=503, why="its address answered 503")
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("code", [301, 307, 400, 401, 410])
def test_an_answer_that_says_never_is_heard_and_no_redirect_is_followed(code: int) -> None:
    with receiving(code) as url:
        told = deliver(call(url), lambda _: pytest.fail("it was tried again"))
    assert (told.is_delivered, told.attempts, told.code) == (False, 1, code)
    assert [path for path, _, _ in Receiver.got] == ["/hook"]


def test_nobody_there_is_a_failure_without_the_address() -> None:
    with receiving() as url:
        pass
    told = deliver(call(f"{url}?token=s3cret"), lambda _: None)
    assert (told.is_delivered, told.attempts, told.code) == (False, ATTEMPTS, None)
    assert "127.0.0.1" not in told.why
    assert "s3cret" not in told.why


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "whsec_%%%%", f"{SECRET}{'A' * 99}"])
def test_a_secret_that_is_none_is_refused_without_saying_it(secret: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_secret(secret)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in error.value.message


def test_a_secret_may_end_in_a_line_feed() -> None:
    assert parse_secret(f"{SECRET}\n") == KEY


def test_a_command_gets_the_message_on_its_standard_input(tmp_path: Path) -> None:
    assert CommandCall("sh -c 'cat > got'", tmp_path, b'{"a":1}')() == Attempt(is_delivered=True, code=0)
    assert (tmp_path / "got").read_bytes() == b'{"a":1}'


def test_a_command_need_not_read_its_input(tmp_path: Path) -> None:
    assert CommandCall("true", tmp_path, b"x" * 1_000_000)().is_delivered


def test_a_command_is_no_shell(tmp_path: Path) -> None:
    assert CommandCall("echo $(touch made) ; touch made", tmp_path, b"")().is_delivered
    assert not (tmp_path / "made").exists()


def test_a_command_that_fails_is_tried_again(tmp_path: Path) -> None:
    told = deliver(CommandCall("sh -c 'echo >> tries; test $(wc -l < tries) -ge 3'", tmp_path, b""), lambda _: None)
    assert (told.is_delivered, told.attempts) == (True, 3)
    told = deliver(CommandCall("sh -c 'exit 7'", tmp_path, b""), lambda _: None)
    assert told == Delivery(is_delivered=False, attempts=ATTEMPTS, code=7, why="its command ended with 7")


def test_a_command_that_is_not_there_is_not_tried_again(tmp_path: Path) -> None:
    told = deliver(CommandCall("no-such-program-anywhere --token s3cret", tmp_path, b""), lambda _: pytest.fail("tried again"))
    assert (told.is_delivered, told.attempts, told.code) == (False, 1, None)
    assert "s3cret" not in told.why


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    told = CommandCall("sh -c 'sh -c \"sleep 2; touch late\" & sleep 9'", tmp_path, b"", seconds=0.3)()
    assert not told.is_delivered
    assert "took longer" in told.why
    threading.Event().wait(2.2)
    assert not (tmp_path / "late").exists()
