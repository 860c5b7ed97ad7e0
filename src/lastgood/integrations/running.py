"""What a service says that it runs, fetched over HTTP: one GET, no redirect, bounded in bytes and in time.

Rules: http and https only; a document may name where its files are, at the address that it came from itself and nowhere else, so
that nobody's service can send this process around a network; a file that is fetched is held against its digest.

    document = fetch_running("https://bot.example.org/running.json")
    RemoteFiles(files_of(document, url), changed, registry.files).read_file(digest)
"""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from lastgood.errors import Invalid, InvalidManifest, LastgoodError, NotAllowed, NotFound, Unavailable
from lastgood.ids import FileDigest
from lastgood.model.placement import FilePart
from lastgood.model.running import LARGEST, RunningDocument, read_running
from lastgood.registry.protocols import Files

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector, Request

URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
TIMEOUT_SECONDS = 10.0
LONGEST_SECONDS = 60.0
LARGEST_FILE = 64 << 20
"""A file of more bytes is not fetched to be compared."""

_AT_ONCE = 1 << 16
_SAID = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 410: NotFound}


def fetch_running(url: str) -> RunningDocument:
    """Fetch what a service says that it runs.

    Raises:
        Unavailable, NotFound, NotAllowed: the address does not answer, or not with it.
        InvalidManifest, NewerSchema: what it answers is not right.
    """
    try:
        return read_running(fetch(url, LARGEST))
    except InvalidManifest as error:
        raise InvalidManifest(f"{url} answers with something else: {error.message}") from error


def fetch(url: str, limit: int) -> bytes:
    """Fetch at most so many bytes.

    Raises:
        Invalid: the URL is of another scheme, or there are more bytes.
        Unavailable, NotFound, NotAllowed: nobody answers, or not in time, or with another status.
    """
    if not URL.fullmatch(url):
        raise Invalid(f"{url[:200]!r} is no address of http or https")
    import http.client  # noqa: PLC0415 - 60 ms that only looking at a service should cost
    import urllib.error  # noqa: PLC0415 - likewise
    import urllib.request  # noqa: PLC0415 - likewise

    request = urllib.request.Request(url, headers={"accept": "application/json, */*", "user-agent": "lastgood"})  # noqa: S310 - checked above
    limited = _Limited(LONGEST_SECONDS)
    try:
        with limited, limited.opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            data = _read(answer, url, limit)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(url, error) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        if limited.is_over:
            raise _too_slow(url) from error
        reason = getattr(error, "reason", None) or error
        raise Unavailable(f"{url} does not answer: {reason}", hint="look whether the service is up, then try again") from error
    if limited.is_over:
        raise _too_slow(url)
    return data


class _Limited:
    """Ends connections after so many seconds, in a `with` statement, however slowly somebody goes on to answer.

    A time-out of a socket begins anew with each byte, so one who sends a byte now and then would never be given up.
    """

    def __init__(self, seconds: float) -> None:
        from threading import Timer  # noqa: PLC0415 - likewise

        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        """Let the time begin."""
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        """End the time."""
        self._timer.cancel()

    def opener(self) -> OpenerDirector:
        """Return what opens URLs so, and follows no redirect: whoever asks names the address that answers."""
        import http.client  # noqa: PLC0415 - likewise
        import urllib.request  # noqa: PLC0415 - likewise

        sockets = self._sockets

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        class Secure(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.append(self.sock)

        class Http(urllib.request.HTTPHandler):
            def http_open(self, req: Request) -> HTTPResponse:
                return self.do_open(Plain, req)

        class Https(urllib.request.HTTPSHandler):
            def https_open(self, req: Request) -> HTTPResponse:
                return self.do_open(Secure, req)

        class NoRedirect(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object, **__: object) -> None:
                """Follow nothing."""

        return urllib.request.build_opener(Http, Https, NoRedirect)

    def _end(self) -> None:
        self.is_over = True
        for one in self._sockets:
            # Whoever waits for its next byte is told that it ended.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _read(answer: HTTPResponse, url: str, limit: int) -> bytes:
    data = bytearray()
    while part := answer.read1(_AT_ONCE):
        data += part
        if len(data) > limit:
            raise Invalid(f"{url} answers with more than {limit:,} bytes; nothing was compared")
    if answer.length:
        raise Unavailable(f"{url} ended in the middle of its answer", hint="try again")
    return bytes(data)


def _too_slow(url: str) -> Unavailable:
    return Unavailable(f"{url} takes more than {LONGEST_SECONDS:.0f} s to answer", hint="try again")


def _refusal(url: str, error: OSError) -> LastgoodError:
    status = getattr(error, "code", 0)
    where = getattr(error, "headers", None)
    target = where.get("location") if where is not None else None
    if target is not None:
        return Unavailable(
            f"{url} answers {status} and sends on to {target[:200]!r}, which is not followed", hint="name the address that answers"
        )
    return _SAID.get(status, Unavailable)(f"{url} answers {status}")


def files_url_of(document: RunningDocument, url: str) -> str | None:
    """Return where a document's files can be fetched, None where it names no place.

    Raises:
        InvalidManifest: it names a place on another host, or of another scheme.
    """
    from urllib.parse import urljoin, urlsplit  # noqa: PLC0415 - likewise

    if document.files_url is None:
        return None
    try:
        whole = urljoin(url, document.files_url)
        here, there = urlsplit(url), urlsplit(whole)
    except ValueError as error:
        raise InvalidManifest(f"{url} says that its files are at {document.files_url[:200]!r}, which is no address") from error
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise InvalidManifest(
            f"{url} says that its files are at {document.files_url[:200]!r}, which is another address; nothing was fetched"
        )
    return whole.rstrip("/")


class RemoteFiles:
    """Has what the registry has, and fetches what only the service has.

    Args:
        base: where the service's files are.
        paths: the files that a release of the environment has not, by their digests.
        files: the registry's.
    """

    def __init__(self, base: str, paths: Mapping[FileDigest, str], files: Files) -> None:
        self._base = base
        self._paths = paths
        self._files = files

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        """Return a whole file.

        Raises:
            Invalid: it is larger than the limit, or not what the service said that it is.
            Unavailable, NotFound, NotAllowed: it cannot be fetched.
        """
        from urllib.parse import quote  # noqa: PLC0415 - likewise

        try:
            return self._files.read_file(digest, limit=limit)
        except NotFound:
            if digest not in self._paths:
                raise
        path = self._paths[digest]
        data = fetch(f"{self._base}/{quote(path)}", min(limit or LARGEST_FILE, LARGEST_FILE))
        if FileDigest.of(data) != digest:
            raise Invalid(f"the service gives other bytes for {path} than it says")
        return data

    def open_file(self, digest: FileDigest) -> BinaryIO:
        """Open a file to be read from any place."""
        try:
            return self._files.open_file(digest)
        except NotFound:
            return io.BytesIO(self.read_file(digest))

    def parts_of(self, digest: FileDigest) -> Sequence[FilePart]:
        """Return what a file is made of; one that is fetched is of one piece."""
        try:
            return self._files.parts_of(digest)
        except NotFound:
            return [FilePart(digest, len(self.read_file(digest)))]
