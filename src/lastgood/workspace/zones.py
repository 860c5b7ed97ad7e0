"""Time zones by their names, as this machine knows them.

>>> find_zone("UTC") is not None, find_zone("Mars/Olympus") is None
(True, True)
"""

from __future__ import annotations

from datetime import tzinfo


def find_zone(name: str) -> tzinfo | None:
    """Return a zone of the IANA database such as `Europe/Berlin`, or None where this machine has none of that name."""
    # Imported late: few commands ask for a zone.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Not there, no name of a zone, or a folder of them such as `Europe`.
        return None
