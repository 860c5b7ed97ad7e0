"""A service on loopback, for commands that ask one: what it answers, and everything that was asked of it.

with serving() as service:
    url = service.say({"schema": "lastgood.running/1", "files": []})
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Service:
    """A service on loopback: what it answers, by path; everything that was asked of it."""

    answers: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    special: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def url(self, path: str = "/running.json") -> str:
        return f"{self.address}{path}"

    def say(self, document: object) -> str:
        """Answer with a document, and return its URL."""
        self.answers["/running.json"] = json.dumps(document).encode()
        return self.url()


class Handler(BaseHTTPRequestHandler):
    def __init__(self, service: Service, *arguments: Any) -> None:  # noqa: ANN401 - those of the server
        self.service = service
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.service.asked.append(self.path)
        if self.path in self.service.special:
            self.service.special[self.path](self)
            return
        body = self.service.answers.get(self.path)
        status, headers = self.service.statuses.get(self.path, (404 if body is None else 200, {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Service]:
    """Serve, for a `with` statement."""
    answering = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, answering))
    answering.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield answering
    server.shutdown()
    thread.join()
    server.server_close()
