"""What a request carries through the collector beside what the client sent."""

from __future__ import annotations

from aiohttp import web

from trackway_collector.ingest.room.admission import Held

HELD = web.RequestKey("held", Held)
"""What it holds of the room for bytes in hand, see `admission`."""

REQUEST_ID = web.RequestKey("id", str)
"""Its id, see `operated`; safe to be written anywhere."""
