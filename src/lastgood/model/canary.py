"""Which calls a canary answers: a share of all routing keys, the same ones in every process and every time.

The rule, in words: hash a salt and the key; where the first eight bytes, as a number, lie below the canary's share of
2^64, the canary answers. The salt stands for the environment and the canary's release, so that another canary takes
other keys, and a larger share takes the same keys and more: raising it moves keys from the stable release to the canary
and none back.

    salt  = SHA-256("lastgood.canary-salt/1" LF pipeline "/" environment LF release in 64 hex digits)
    point = the first 8 bytes, big-endian, of SHA-256("lastgood.canary/1" LF salt (32 bytes) UTF-8 of the key)
    the canary answers where  point x 100 < percent x 2^64

Test vectors stand in `docs/canary.md`, and as JSON beside the tests, so that a router in any language can be checked.

    >>> stable, canary = ReleaseId(bytes(32)), ReleaseId(bytes([1] * 32))
    >>> salt = salt_of(PipelineName("support-bot"), EnvironmentName("prod"), canary)
    >>> [assign(key, stable, canary, 10, salt) == canary for key in ("ada", "user-3", "user-8")]
    [False, False, False]
"""

from __future__ import annotations

import hashlib

from lastgood.errors import Invalid
from lastgood.ids import EnvironmentName, PipelineName, ReleaseId

LEAST_PERCENT = 1
MOST_PERCENT = 99
POINTS = 1 << 64

_SALT_DOMAIN = b"lastgood.canary-salt/1\n"
_DOMAIN = b"lastgood.canary/1\n"


def salt_of(pipeline: PipelineName, environment: EnvironmentName, canary: ReleaseId) -> bytes:
    """Return the 32 bytes that tell one canary of one environment from every other."""
    return hashlib.sha256(_SALT_DOMAIN + f"{pipeline}/{environment}\n{canary}".encode()).digest()


def point_of(key: str, salt: bytes) -> int:
    """Return where a routing key lies, from 0 to below 2^64.

    Raises:
        Invalid: the key is empty, which would send everybody to one side, or is no UTF-8.
    """
    if not key:
        raise Invalid("an empty routing key would send every call to one side; name the user or the conversation")
    try:
        encoded = key.encode()
    except UnicodeEncodeError as error:
        raise Invalid("a routing key is not UTF-8") from error
    return int.from_bytes(hashlib.sha256(_DOMAIN + salt + encoded).digest()[:8])


def assign(key: str, stable: ReleaseId, canary: ReleaseId, percent: int, salt: bytes) -> ReleaseId:
    """Return which of two releases answers the calls with a routing key.

    Args:
        key: who calls, in a way that stays the same: a user, a conversation.
        stable: what the environment is on.
        canary: what runs beside it.
        percent: for which share of all keys, from 0 to 100.
        salt: of the environment and the canary, as `salt_of` makes it.

    Raises:
        Invalid: the key is empty or no UTF-8.
    """
    return canary if point_of(key, salt) * 100 < percent * POINTS else stable


def check_percent(percent: int) -> int:
    """Return the share of a canary if it is one.

    Raises:
        Invalid: it is not from 1 to 99.
    """
    if isinstance(percent, bool) or not LEAST_PERCENT <= percent <= MOST_PERCENT:
        raise Invalid(f"a canary takes {LEAST_PERCENT} to {MOST_PERCENT} percent of the calls, not {percent}; nothing was changed")
    return percent
