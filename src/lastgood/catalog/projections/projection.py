"""What a projection is.

>>> from lastgood.model.changes.releases import TagSet
>>> projections: Projections = {TagSet: lambda session, event, body: None}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lastgood.catalog.database import Session
from lastgood.model.changes.body import Body
from lastgood.model.event import Event

Projections = Mapping[type[Body], Callable[[Session, Event, Any], None]]
"""Sets the facts that follow from one event; the third argument is the event's body, of the type that is the key."""
