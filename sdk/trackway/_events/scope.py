"""
What a stretch of the program's work has in common: whose it is, in which session, in which circumstances.

`scope` binds it in a context variable, `current` returns it, and every call of a tracker fills in from it what its
own arguments leave open. Like every context variable it is inherited by asyncio tasks and by
`contextvars.copy_context`, and not by new threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from trackway._events.arguments import is_given, text
from trackway._events.consent import OTHERS
from trackway._events.payloads import merged, properties_over

if TYPE_CHECKING:
    from types import TracebackType

Id = str | int
LateId = Callable[[], Id | None]
"""Asked for the id each time an event is tracked, because it may be known only by then."""
LateMapping = Callable[[], Mapping[str, object]]
"""Asked once, by the first event: what nobody tracks in costs nothing."""

log = logging.getLogger("trackway")
_reported: set[str] = set()

T = TypeVar("T")

NO_CONSENT: Mapping[str, bool] = {OTHERS: False}
"""No to everything."""


class _Place:
    """Where a scope stands among those around it; what leaving it in or out of turn needs to know."""

    __slots__ = ("left_early", "opened_by", "outer")

    def __init__(self, opened_by: scope, outer: Scope | None) -> None:
        self.opened_by = opened_by
        self.outer = outer
        self.left_early = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is bound at one place of the program, with all that the scopes around it bind."""

    user_id: Id | LateId | None = None
    anonymous_id: Id | LateId | None = None
    session_id: Id | LateId | None = None
    context: Mapping[str, object] | LateMapping = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    consent: Mapping[str, bool] = field(default_factory=dict)
    """By category; what is not in it, the tracker's `consent_default` decides."""
    _place: _Place | None = field(default=None, repr=False, compare=False)

    def fill(
        self,
        user_id: Id | None,
        anonymous_id: Id | None,
        session_id: Id | None,
        context: Mapping[str, object] | None,
    ) -> tuple[Id | None, Id | None, Id | None, Mapping[str, object] | None]:
        """
        Return ids, session and context of a call, what it was given over what is bound here.

        A call that names another person than the scope's gets neither the scope's ids nor its session: an event
        about one person must not tie a second one to it.
        """
        own_user, own_anonymous = known(self.user_id), known(self.anonymous_id)
        if not (_differ(user_id, own_user) or _differ(anonymous_id, own_anonymous)):
            user_id = user_id if is_given(user_id) else own_user
            anonymous_id = anonymous_id if is_given(anonymous_id) else own_anonymous
            session_id = session_id if is_given(session_id) else known(self.session_id)
        bound = members(self.context)
        if context is None:
            return user_id, anonymous_id, session_id, bound or None
        if bound and isinstance(context, Mapping):
            context = merged(bound, context)
        return user_id, anonymous_id, session_id, context

    def fill_properties(self, properties: Mapping[str, object] | None) -> Mapping[str, object] | None:
        """
        Return a call's properties over those bound here.

        Raises:
            Refused: properties are bound here, and the call's cannot be written as a JSON object.
        """
        return properties_over(self.properties, properties) if self.properties else properties

    def is_about(self, user_id: object, anonymous_id: object) -> bool:
        """Return whether an event with these ids may be about this scope's person: no id of theirs is another."""
        return not (_differ(user_id, known(self.user_id)) or _differ(anonymous_id, known(self.anonymous_id)))


class scope:
    """
    Bind ids, context, properties and consent for every event that is tracked inside, on any tracker.

        with trackway.scope(user_id="user-7", context={"page": {"path": "/basket"}}):
            tracker.track("Order Completed", {"total": "12.50"})

    Scopes nest: what an inner one gives wins, None leaves what the outer one gave, and `context`, `properties` and
    `consent` are merged by their first level of keys; `*` in `consent` decides about every category that is not beside
    it. What a call itself is given wins over every scope; when it names
    another person than the scope's, it takes neither ids nor session from the scope. Traits are never filled in.

    An id may be a function without arguments, which is asked each time an event is tracked; `context` may be one, which
    is asked by the first event.

    Inherited as every context variable is: by asyncio tasks, and by threads that are started with
    `contextvars.copy_context().run`. Nothing here raises; a mapping that is none is logged and ignored, and a
    `consent` that is none is a no to everything.
    """

    __slots__ = ("_anonymous_id", "_consent", "_context", "_properties", "_session_id", "_user_id")

    def __init__(
        self,
        *,
        user_id: Id | LateId | None = None,
        anonymous_id: Id | LateId | None = None,
        session_id: Id | LateId | None = None,
        context: Mapping[str, object] | LateMapping | None = None,
        properties: Mapping[str, object] | None = None,
        consent: Mapping[str, bool] | None = None,
    ) -> None:
        self._user_id = user_id
        self._anonymous_id = anonymous_id
        self._session_id = session_id
        self._context = context if callable(context) else _mapping("context", context)
        self._properties = _mapping("properties", properties)
        # Somebody said something that cannot be read: that is no yes.
        self._consent = _mapping("consent", consent, NO_CONSENT)

    def __enter__(self) -> Scope:
        outer = _current.get()
        around = outer if outer is not None else _NOTHING
        inner = Scope(
            user_id=_over(self._user_id, around.user_id),
            anonymous_id=_over(self._anonymous_id, around.anonymous_id),
            session_id=_over(self._session_id, around.session_id),
            context=_layers(around.context, self._context),
            properties={**around.properties, **self._properties} if self._properties else around.properties,
            consent=_decided(around.consent, self._consent) if self._consent else around.consent,
            _place=_Place(self, outer),
        )
        _current.set(inner)
        return inner

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Not by a token: a generator may be closed in another context than it was started in, where a token raises,
        # and of two generators that each hold a scope the outer may end first, after which the inner one's token
        # would bring the outer's person back, for good.
        at = inmost = _current.get()
        while at is not None and (place := at._place) is not None:
            if place.opened_by is self and not place.left_early:
                if at is inmost:
                    _current.set(_still_open(place.outer))
                    # Tasks that were started inside keep this scope; they must not keep all that were around it.
                    place.outer = None
                else:
                    place.left_early = True
                return
            at = place.outer


class _Once:
    """A function that is asked once, though two threads may both be first."""

    __slots__ = ("_ask", "_found")

    def __init__(self, ask: LateMapping) -> None:
        self._ask = ask
        self._found: Mapping[str, object] | None = None

    def __call__(self) -> Mapping[str, object]:
        if self._found is None:
            self._found = self._ask()
        return self._found


def known(value: Id | LateId | None) -> Id | None:
    """Return an id, asking for it if it is a function; None if there is none or the function fails."""
    if not callable(value):
        return value
    try:
        found = _ask(value)
    except Exception as error:
        report(f"A function that a scope's id comes from failed ({type(error).__name__}); there is no id from it.")
        return None
    return found if is_given(found) else None


def members(value: Mapping[str, object] | LateMapping) -> Mapping[str, object]:
    """Return a mapping, asking for it if it is a function; an empty one if the function fails."""
    if not callable(value):
        return value
    try:
        found = _ask(value)
    except Exception as error:
        report(f"A function that a scope's context comes from failed ({type(error).__name__}); it is left out.")
        return {}
    return _mapping("context", found)


def _ask(function: Callable[[], T]) -> T:
    """Call a program's own function outside any scope: should it track, it is not asked again for that."""
    before = swap(None)
    try:
        return function()
    finally:
        _current.set(before)


def swap(to: Scope | None) -> Scope | None:
    """Make `to` the current scope and return the one before; for work that is done in several stretches."""
    before = _current.get()
    _current.set(to)
    return before


def _over(inner: Id | LateId | None, outer: Id | LateId | None) -> Id | LateId | None:
    """Return the inner id, the outer one where that is not given or turns out not to be."""
    if callable(inner):
        if outer is None:
            return inner
        ask = inner
        return lambda: found if (found := known(ask)) is not None else known(outer)
    return inner if is_given(inner) else outer


def _layers(
    outer: Mapping[str, object] | LateMapping, inner: Mapping[str, object] | LateMapping
) -> Mapping[str, object] | LateMapping:
    if not (callable(outer) or callable(inner)):
        return {**outer, **inner}
    if not outer and callable(inner):
        return _Once(inner)
    return _Once(lambda: {**members(outer), **members(inner)})


def _differ(given: object, bound: Id | None) -> bool:
    return is_given(given) and bound is not None and given != bound and text(given) != text(bound)


def _still_open(at: Scope | None) -> Scope | None:
    while at is not None and at._place is not None and at._place.left_early:
        at = at._place.outer
    return at


def _decided(outer: Mapping[str, bool], inner: Mapping[str, bool]) -> Mapping[str, bool]:
    # What is said of all others is said of all that the outer scopes named.
    return {**outer, **inner} if inner.get(OTHERS) is None else inner


def _mapping(name: str, given: Mapping[str, T] | None, unreadable: Mapping[str, T] | None = None) -> Mapping[str, T]:
    """Return the mapping; `unreadable`, which is empty by default, in place of what is none."""
    instead = {} if unreadable is None else unreadable
    taken = "ignored" if unreadable is None else "taken as a no to everything"
    if given is None:
        return {}
    if type(given) is dict:
        return given
    if isinstance(given, Mapping):
        try:
            return dict(given)
        except Exception as error:
            report(f"`{name}` of a scope cannot be read ({type(error).__name__}) and is {taken}.")
            return instead
    report(f"`{name}` of a scope is a {type(given).__name__} and is {taken}; write a mapping.")
    return instead


def report(message: str) -> None:
    """Log what an application's own function did wrong, each message once; it never holds a value."""
    if message not in _reported and len(_reported) < 1000:
        _reported.add(message)
        log.warning(message)


_NOTHING = Scope()
_current: ContextVar[Scope | None] = ContextVar("trackway_scope", default=None)

current = _current.get
"""Return the scope this is called in; None if there is none."""
