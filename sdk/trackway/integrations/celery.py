"""
Celery: a task works in the scope of who asked for it. That a worker's process sends what it has before it ends is every
tracker's own doing, and needs nothing of this module.

    app = Celery("shop", broker="amqp://…")
    instrument()

Call `instrument()` where the app is made, so that the programs that publish tasks and the workers both do.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from celery.signals import before_task_publish, task_postrun, task_prerun

from trackway._events.scope import Scope, current, known, members, scope
from trackway._events.values import encode, encode_carefully

__all__ = ["HEADER", "instrument"]

HEADER = "trackway"
"""
The message header that carries a scope, as one JSON text. Not a table: those have come out of AMQP libraries broken
(celery#10412).
"""
MAX_HEADER_BYTES = 16_384
"""A larger scope is carried without context and properties."""

log = logging.getLogger("trackway")


def instrument(*, carry_context: bool = True) -> None:
    """
    Carry scopes to tasks, and name the task in `context.task`.

    What goes into the message: ids, session, consent, properties, and unless `carry_context` is False the context, with
    address and page. Who can read the broker's messages can read them. Tasks published outside a scope, as by beat,
    carry nothing. Calling this again changes `carry_context` and nothing else.
    """
    _Carrier.context = carry_context
    before_task_publish.connect(_put, weak=False, dispatch_uid="trackway")
    task_prerun.connect(_enter, weak=False, dispatch_uid="trackway")
    task_postrun.connect(_leave, weak=False, dispatch_uid="trackway")


class _Carrier:
    context = True


def _put(headers: dict[str, Any] | None = None, **_: object) -> None:
    bound = current()
    if bound is None or headers is None:
        return
    text = _written(bound, context=_Carrier.context, properties=True)
    headers[HEADER] = text if len(text) <= MAX_HEADER_BYTES else _written(bound, context=False, properties=False)


def _written(bound: Scope, *, context: bool, properties: bool) -> str:
    carried: dict[str, object] = {
        "user_id": known(bound.user_id),
        "anonymous_id": known(bound.anonymous_id),
        "session_id": known(bound.session_id),
        "consent": bound.consent,
        "properties": bound.properties if properties else None,
        "context": members(bound.context) if context else None,
    }
    given = {name: value for name, value in carried.items() if value not in (None, {})}
    try:
        return encode(given).decode()
    except Exception:
        return encode_carefully(given).decode()


def _enter(task: Any = None, task_id: str = "", **_: object) -> None:
    request = task.request
    carried = _read(request.get(HEADER) or (request.headers or {}).get(HEADER))
    context = carried.pop("context", None) or {}
    opened = scope(**carried, context={**context, "task": {"id": task_id, "name": task.name}})
    opened.__enter__()
    request.trackway_scope = opened


def _leave(task: Any = None, **_: object) -> None:
    opened = task.request.get("trackway_scope")
    if opened is not None:
        opened.__exit__(None, None, None)


def _read(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        carried: dict[str, Any] = msgspec.to_builtins(msgspec.json.decode(text, type=_Carried))
    except Exception as error:
        log.warning("A task's scope could not be read (%s); the task works without it.", type(error).__name__)
        return {}
    return carried


class _Carried(msgspec.Struct, omit_defaults=True):
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    session_id: str | int | None = None
    consent: dict[str, Any] | None = None
    """As it was said; a word that is no boolean is a no, and no reason to forget the rest."""
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
