"""Signed webhooks in the form of Standard Webhooks (https://www.standardwebhooks.com): one POST, no redirect, in bounded time.

webhook-id          the same for every attempt, so that a receiver can drop what it has
webhook-timestamp   seconds since 1970, of the attempt
webhook-signature   "v1," and the base64 of HMAC-SHA256 over  id "." timestamp "." body

>>> secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
>>> sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from lastgood.errors import Invalid

PREFIX = "whsec_"
LEAST_BYTES = 24
MOST_BYTES = 64
TIMEOUT_SECONDS = 10.0


def parse_secret(text: str) -> bytes:
    """Return the key that a secret holds; what is wrong with it is said without saying any of it.

    Raises:
        Invalid: it has not the form `whsec_` and the base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.strip().startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise Invalid(f"the secret is not {PREFIX} and the base64 of {LEAST_BYTES} to {MOST_BYTES} bytes")
    return key


def sign(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one attempt."""
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(url: str, key: bytes, message: str, timestamp: int, body: bytes) -> int:
    """Send one signed attempt and return the HTTP status; what is answered beside it is not read.

    Args:
        url: where to; no redirect is followed, so that nothing signed goes to an address nobody wrote down.
        key: of the signature.
        message: the id of the message.
        timestamp: seconds since 1970.
        body: JSON.

    Raises:
        OSError: nobody answered in time.
    """
    import urllib.error  # noqa: PLC0415 - 60 ms that only a webhook should cost
    import urllib.request  # noqa: PLC0415 - likewise

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object, **__: object) -> None:
            """Follow nothing: the answer is an error with its own status then."""

    headers = {
        "content-type": "application/json",
        "user-agent": "lastgood",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, message, timestamp, body),
    }
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - the file's reader lets http and https through
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
