"""Which refused requests become dead letters, and what is said of them: never a key, a query or a person."""

from __future__ import annotations

from aiohttp import web

from trackway_collector.dead_letters.log import DeadLetters, Letter, now, shortened
from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.privacy.policy import Privacy
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.serving.request_keys import HELD

_NOT_ITS_FAULT = frozenset({408, 429})
_OPERATORS = frozenset({"metrics_token"})


def send(
    letters: DeadLetters,
    refusal: RequestRefused,
    request: web.Request,
    route: str,
    request_id: str,
    in_force: InForce,
) -> None:
    """Write the refusal down where it is one of the kind and of the sample."""
    if refusal.status >= 500 or refusal.status in _NOT_ITS_FAULT or refusal.code in _OPERATORS:
        return
    if not letters.wants(refusal.code):
        return
    headers = request.headers
    letter = Letter(
        now(),
        refusal.code,
        refusal.status,
        shortened(refusal.message),
        route,
        request_id,
        shortened(headers.get("User-Agent", "").partition(" ")[0]),
        shortened(headers.get("Content-Type", "")),
        shortened(headers.get("Content-Encoding", "")),
    )
    held = request.get(HELD)
    letters.write(letter, held.body if held is not None else None, may_keep=_may_keep(in_force))


def _may_keep(in_force: InForce) -> bool:
    """Whether neither the plan nor any source's privacy rules forbid to store something: the sender is not known."""
    policies = in_force.policies
    usual = Privacy()
    every = (policies.default, *policies.by_source.values())
    return not in_force.decoder.forbids and all(policy.privacy == usual for policy in every)
