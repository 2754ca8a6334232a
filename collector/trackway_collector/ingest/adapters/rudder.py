"""
RudderStack's clients, which speak Segment's API with differences.

Wire facts:
* Batches and single calls go to `/v1/batch`, `/v1/track`, … as Segment's do, with Basic auth; gzip is on by default in
  most of them, in `rudder-sdk-node` without a `Content-Encoding`. They need an answer of exactly 200, and JSON errors
  with `code` and `message`. A page that is left POSTs its batch to `/beacon/v1/batch?writeKey=KEY`, and
  `GET /pixel/v1/track?writeKey=KEY&…` is a pixel. All of these are in `routes`; nothing is translated.
* The traits of an `identify` are in `context.traits`. `judge` takes them from there, for whoever sends them so.
* Browsers and apps first `GET /sourceConfig?writeKey=KEY`, with Basic auth, and do not start without an answer that
  names an enabled source and its destinations. Here it has none, so they load no further code and send only here.
* `/v1/merge` takes a call that Segment has not: two ids of one person, of any kind. The collector keeps it in
  quarantine, as it does with a `merge` inside a batch: an alias guessed from it could join two people.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters.base import Adapter, Translated, malformed
from trackway_collector.ingest.pages.settings_page import no_settings
from trackway_collector.ingest.requests import INGEST, Taken
from trackway_collector.ingest.rules.key_places import grant_of
from trackway_collector.ingest.serving.answers import JSON, STORED
from trackway_collector.ingest.verdicts.decode import write_key_of

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def translate(request: web.Request, body: bytes) -> Translated:
    """Return the one event of a merge."""
    try:
        merge = _members.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error
    key = write_key_of(body)
    merge.pop("writeKey", None)
    return Translated([{**merge, "type": "merge"}], key if isinstance(key, str) else None)


def answer(request: web.Request, taken: Taken) -> web.Response:
    """Return what every batch is answered."""
    return web.Response(body=STORED, headers=JSON)


async def source_config(request: web.Request) -> web.Response:
    """Answer with the settings of a source: enabled, without destinations; 404 for a key that is unknown."""
    ingest = request.app[INGEST]
    in_force = ingest.in_force
    try:
        grant = grant_of(in_force.keys, request) or in_force.keys.of_key(None)
        ingest.granted(request, in_force, grant, 0)
    except RequestRefused as refusal:
        return ingest.refuse(no_settings(refusal), request)
    off = {"enabled": False}
    source = {
        "id": grant.source,
        "name": grant.source,
        "writeKey": request.query.get("writeKey", ""),
        "enabled": True,
        "workspaceId": "trackway",
        "config": {"statsCollection": {"errors": off, "metrics": off}},
        "destinations": [],
        "dataplanes": {},
    }
    return web.json_response({"source": source}, headers={"Cache-Control": "no-store"})


ADAPTER = Adapter(
    "rudder",
    (("POST", "/v1/merge"),),
    translate,
    answer,
    pages=(("/sourceConfig", source_config), ("/sourceConfig/", source_config)),
)
