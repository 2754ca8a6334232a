"""
`store: drop` and `store: hash`: what the plan forbids to keep as it was sent, taken out before anything is kept.

The SDK does it before an event leaves, the collector again before an event reaches the disk; both here, so that both
mean the same. Works on raw JSON: what no rule concerns is copied byte for byte, numbers too large for a float included.

* Every depth: inside objects, and inside lists of objects.
* Whatever its type: a list where an object was planned is taken apart all the same, and the other way round; a text
  where an object with such parts was planned is dropped whole, because it may hold them.
* Of a property with `normalise`, the hash is of the value in its one form, by the rule of the first release that has it
  hashed: a release without that rule hashes as ever.
* Under former names too (`formerly`), of the event and of the property.

A hashed value is the text `hmac-sha256:` and 64 hex digits: HMAC-SHA256 with the operator's key over the UTF-8 bytes of
a text, and over the canonical JSON text of anything else (`5`, `true`, keys sorted, no spaces; `1.0` is `1`). A value
that is such a text already is left, so that hashing twice is hashing once; null is left, it says nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Raw, Struct

from .model import EventSpec, PropertySpec
from .normalise import NORMALISERS
from .release import Release
from .renames import former_events, former_properties

if TYPE_CHECKING:
    from .lasting import Lasting

HASHED_PATTERN = "hmac-sha256:[0-9a-f]{64}"
"""What a hashed value looks like, as a regular expression for the whole text."""

MIN_KEY_CHARS = 16

_HASHED = re.compile(HASHED_PATTERN)
_EXACT_IN_FLOAT = 2**53
_NESTED = (b"{", b"[")

_members = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)
_anything = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode

Path = tuple[str | int, ...]


def is_hashed(value: object) -> bool:
    """Whether a value is a text that `hashed` has made."""
    return type(value) is str and _HASHED.fullmatch(value) is not None


def hashed(raw: bytes | Raw, key: bytes) -> str:
    """The text that is stored in place of a value, given as raw JSON."""
    return "hmac-sha256:" + hmac.new(key, _hash_input(bytes(raw)), hashlib.sha256).hexdigest()


def _hash_input(raw: bytes) -> bytes:
    try:
        value = _anything.decode(raw)
        if type(value) is str:
            return value.encode()
        return _canonical(_plain_numbers(value))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return raw  # no value that could be stored otherwise; its own bytes stand for it


def _plain_numbers(value: Any) -> Any:
    """The value with whole numbers written as such: a client may send 1.0 where another sends 1."""
    if type(value) is float and value.is_integer() and abs(value) < _EXACT_IN_FLOAT:
        return int(value)
    if type(value) is dict:
        return {name: _plain_numbers(item) for name, item in value.items()}
    return [_plain_numbers(item) for item in value] if type(value) is list else value


def read_hash_key(text: str) -> bytes | None:
    """
    The key in a setting's text; None for an empty one.

    Raises:
        ValueError: it is too short to keep guesses away; the message does not repeat it.
    """
    if text and len(text) < MIN_KEY_CHARS:
        message = (
            f"it has {len(text)} characters; write at least {MIN_KEY_CHARS}, for example from `openssl rand -hex 32`"
        )
        raise ValueError(message)
    return text.encode() or None


def stored(spec: PropertySpec) -> Literal["plain", "hash", "drop"]:
    """How a property is stored: its own `store`, or the strictest of the types in its union."""
    if not spec.any_of and spec.store == "plain":
        return "plain"
    kinds = {spec.store, *(part.store for part in spec.any_of)}
    return "drop" if "drop" in kinds else "hash" if "hash" in kinds else "plain"


class StoreRule(Struct, frozen=True):
    """What happens to one value: it goes, its hash stays, or rules hold for what is inside it."""

    store: Literal["plain", "hash", "drop"] = "plain"
    members: dict[str, StoreRule] = {}
    """Of an object's members, those that are not simply kept."""
    items: StoreRule | None = None
    """Of a list's items; None if they are simply kept."""
    normalise: str = ""
    """The rule that gives a text its one form before it is hashed."""

    @property
    def keeps_all(self) -> bool:
        """Whether the value is stored as it is."""
        return self.store == "plain" and not self.members and self.items is None


PLAIN = StoreRule()
"""The rule of what is stored as it is."""


def rule_for(spec: PropertySpec) -> StoreRule:
    """The rule of one property."""
    if (kind := stored(spec)) != "plain":
        return StoreRule(kind, normalise=normalise_rule(spec) if kind == "hash" else "")
    items = rule_for(spec.of) if spec.of else PLAIN
    return StoreRule(members=member_rules(spec.properties or {}), items=None if items.keeps_all else items)


def normalise_rule(spec: PropertySpec) -> str:
    """The rule that gives a property's texts their one form: its own, or that of the first type of its union."""
    return spec.normalise or next((part.normalise for part in spec.any_of if part.normalise), "")


def member_rules(properties: Mapping[str, PropertySpec]) -> dict[str, StoreRule]:
    """The rules of an object's properties, those that are simply kept left out."""
    return {name: rule for name, spec in properties.items() if not (rule := rule_for(spec)).keeps_all}


def event_rules(event: EventSpec) -> dict[str, StoreRule]:
    """The rules of an event's properties, under their former names too; a name that is in use again has its own."""
    rules = member_rules(event.properties)
    return rules | {old: rules[new] for old, new in former_properties(event).items() if new in rules}


def stricter(one: StoreRule, other: StoreRule) -> StoreRule:
    """The rule that keeps nothing which one of two rules forbids."""
    if one.keeps_all or other.keeps_all:
        return other if one.keeps_all else one
    if "drop" in (one.store, other.store):
        return StoreRule("drop")
    if "hash" in (one.store, other.store):
        return StoreRule("hash", normalise=one.normalise if one.store == "hash" else other.normalise)
    items = stricter(one.items or PLAIN, other.items or PLAIN)
    return StoreRule(members=_stricter_members(one.members, other.members), items=None if items.keeps_all else items)


def _stricter_members(one: Mapping[str, StoreRule], other: Mapping[str, StoreRule]) -> dict[str, StoreRule]:
    names = dict.fromkeys((*one, *other))
    return {name: stricter(one.get(name, PLAIN), other.get(name, PLAIN)) for name in names}


class Redactor:
    """
    Takes out what any of some releases forbids to store; safe to share between threads.

    Args:
        releases: usually the one an event is judged by and the newest; the strictest rule holds.
        key: the operator's key. None leaves values to be hashed as they are, for who hashes them later.
        lasting: what was said about names that these releases may not have.
    """

    def __init__(self, releases: Iterable[Release], key: bytes | None, lasting: Lasting | None = None) -> None:
        self.key = key
        self.events: dict[str, StoreRule] = {}
        """Event, by its present and former names → the rule of its properties; only where there is one."""
        self.traits: dict[str, StoreRule] = {}
        for release in releases:
            by_event = {name: StoreRule(members=event_rules(event)) for name, event in release.events.items()}
            for name, rule in by_event.items():
                _add(self.events, name, rule)
            for old, name in former_events(release).items():
                _add(self.events, old, by_event[name])
            for kind, specs in release.traits.items():
                _add(self.traits, kind, StoreRule(members=member_rules(specs)))
        if lasting is not None:
            for name, rule in lasting.events.items():
                _add(self.events, name, rule)
            for kind, rule in lasting.traits.items():
                _add(self.traits, kind, rule)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to take out of any event."""
        return not self.events and not self.traits

    @property
    def needs_key(self) -> bool:
        """Whether something has to be hashed."""
        return any(_hashes(rule) for rules in (self.events, self.traits) for rule in rules.values())

    def properties(self, event: str, raw: bytes | Raw) -> bytes | Raw:
        """An event's properties as they may be stored."""
        rule = self.events.get(event)
        return raw if rule is None else self.value(rule, raw)

    def traits_of(self, kind: str, raw: bytes | Raw) -> bytes | Raw:
        """The traits of a `user` or an `account` as they may be stored."""
        rule = self.traits.get(kind)
        return raw if rule is None else self.value(rule, raw)

    def value(self, rule: StoreRule, raw: bytes | Raw) -> bytes | Raw:
        """
        A value as it may be stored; `null` for one that may not be stored at all.

        Raises:
            msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it cannot be read, so nothing of it may be kept.
        """
        return b"null" if (kept := self._value(rule, raw)) is None else kept

    def _value(self, rule: StoreRule, raw: bytes | Raw) -> bytes | Raw | None:
        if rule.store == "drop":
            return None
        first = bytes(raw).lstrip()[:1]
        if rule.store == "hash":
            return self._hashed(raw, first, rule.normalise)
        if first == b"{":
            return self._object(rule, raw)
        if first == b"[":
            inner = rule.items or rule
            kept = [item for each in _items.decode(raw) if (item := self._value(inner, each)) is not None]
            return _encode([Raw(item) for item in kept])
        return None if first == b'"' else raw

    def _object(self, rule: StoreRule, raw: bytes | Raw) -> bytes:
        items = rule.items or PLAIN
        members = rule.members or items.members
        kept = {}
        # Of a key that comes twice the last counts, and the others are gone from here on.
        for name, value in _members.decode(raw).items():
            inner = members.get(name)
            if (
                inner is None
                and not items.keeps_all
                and (items.store != "plain" or bytes(value).lstrip()[:1] in _NESTED)
            ):
                inner = items  # PHP writes a list with gaps as an object: {"0": …, "2": …}
            item = value if inner is None else self._value(inner, value)
            if item is not None:
                kept[name] = Raw(item)
        return _encode(kept)

    def _hashed(self, raw: bytes | Raw, first: bytes, normalise: str) -> bytes | Raw:
        if self.key is None or bytes(raw).strip() == b"null":
            return raw
        if first == b'"':
            try:
                text = _text.decode(raw)
                if is_hashed(text):
                    return raw
                if normalise in NORMALISERS:
                    raw = _encode(NORMALISERS[normalise](text))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass
        return _encode(hashed(raw, self.key))


def _add(rules: dict[str, StoreRule], name: str, rule: StoreRule) -> None:
    both = stricter(rules.get(name, PLAIN), rule)
    if not both.keeps_all:
        rules[name] = both


def _hashes(rule: StoreRule) -> bool:
    return (
        rule.store == "hash"
        or any(map(_hashes, rule.members.values()))
        or (rule.items is not None and _hashes(rule.items))
    )


def without(raw: bytes | Raw, paths: Iterable[Path]) -> bytes | Raw:
    """
    A value without what stands at these paths; what is beside it is copied byte for byte.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: the value cannot be read.
    """
    tree: dict[str | int, Any] = {}
    for path in paths:
        branch = tree
        for part in path[:-1]:
            branch = branch.setdefault(part, {})
            if branch is _GONE:  # what holds it goes as a whole
                break
        else:
            branch[path[-1]] = _GONE
    return _pruned(raw, tree) if tree else raw


_GONE: dict[str | int, Any] = {}


def _pruned(raw: bytes | Raw, tree: Mapping[str | int, Any]) -> bytes:
    if bytes(raw).lstrip()[:1] == b"[":
        items = enumerate(_items.decode(raw))
        return _encode([_kept(item, tree.get(at)) for at, item in items if tree.get(at) is not _GONE])
    members = _members.decode(raw).items()
    return _encode({name: _kept(value, tree.get(name)) for name, value in members if tree.get(name) is not _GONE})


def _kept(raw: Raw, tree: Mapping[str | int, Any] | None) -> Raw:
    return Raw(_pruned(raw, tree)) if tree else raw
