"""One event of the plan from its YAML file, and the readers that other files need too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml.nodes import Node

from ..model import STATUSES, STRIPPABLE, Action, EventSpec, Former, Place, Rule, ViolationCode, Waiver
from ..verdict.formats import is_date
from .nodes import Reader
from .property import PropertyReader

At = tuple[str, ...]

_RULE_HINT = "Write `{if: {payment_method: wallet}, then_required: [wallet_brand]}`."


@dataclass
class EventReader:
    """Reads events; places go where the properties' places go."""

    specs: PropertyReader

    def event(self, reader: Reader, node: Node) -> tuple[Place, EventSpec] | None:
        known = (*EventSpec.__struct_fields__, "event")
        keys = reader.mapping(
            node, "an event", [key for key in known if key not in ("name", "area")], required=("event",)
        )
        name = read_key(keys, "event", lambda n: reader.name(n, "the name of the event"))
        if name is None:
            return None
        what, at = f"event `{name}`", ("events", name)
        if name.startswith("$"):
            reader.problem(keys["event"], f"{what}: names that begin with `$` are kept for Trackway's own events.")
        texts = {
            key: read_key(keys, key, lambda n, key=key: reader.text(n, f"`{key}` of {what}")) or ""  # type: ignore[misc]
            for key in ("summary", "owner", "when", "replaced_by", "remove_after")
        }
        if texts["remove_after"] and not is_date(texts["remove_after"]):
            reader.problem(
                keys["remove_after"],
                f"`remove_after` of {what} must be a date.",
                "Write it as in 2026-11-01.",
            )
        for key in ("replaced_by", "remove_after"):
            if key in keys:
                self.specs.places[(*at, key)] = reader.place(keys[key])
        event = EventSpec(
            name=name,
            area=Path(reader.file).parent.name,
            status=read_key(keys, "status", lambda n: reader.one_of(n, f"`status` of {what}", STATUSES)) or "active",
            sent_by=read_names(self.specs.places, reader, keys, "sent_by", what, at),
            once_per=read_names(self.specs.places, reader, keys, "once_per", what, at),
            include=read_names(self.specs.places, reader, keys, "include", what, at),
            open=read_key(keys, "open", lambda n: reader.boolean(n, f"`open` of {what}")) or False,
            properties=read_key(keys, "properties", lambda n: self.specs.properties(reader, n, what, at)) or {},
            rules=read_list(self.specs.places, reader, keys, "rules", what, at, self._rule),
            formerly=read_list(self.specs.places, reader, keys, "formerly", what, at, self._former),
            on_violation=read_key(keys, "on_violation", lambda n: read_policy(reader, n)) or {},
            examples=read_list(self.specs.places, reader, keys, "examples", what, at, self._example),
            waive=read_list(self.specs.places, reader, keys, "waive", what, at, read_waiver),
            **texts,
        )
        return reader.place(keys["event"]), event

    def _rule(self, reader: Reader, node: Node, what: str) -> Rule | None:
        keys = reader.mapping(node, what, ("if", "then_required"), required=("if", "then_required"))
        if len(keys) < 2:
            return None
        when = {}
        for name, (_, value) in reader.named(keys["if"], f"`if` of {what}").items():
            nodes = value.value if isinstance(value.value, list) else [value]
            when[name] = tuple(reader.scalar(each, f"`{name}` in `if` of {what}") for each in nodes)
        then = reader.names(keys["then_required"], f"`then_required` of {what}")
        if not when or not then or not all(when.values()):
            reader.problem(node, f"{what} needs a condition and a consequence.", _RULE_HINT)
            return None
        return Rule(when=when, then_required=then)

    def _former(self, reader: Reader, node: Node, what: str) -> Former | None:
        keys = reader.mapping(node, what, ("event", "property", "now", "through"))
        if ("event" in keys) == ("property" in keys) or ("property" in keys) != ("now" in keys):
            hint = "Write `{event: old_name, through: 8}` or `{property: old_name, now: new_name, through: 8}`."
            reader.problem(node, f"{what} names either a former event or a former property.", hint)
            return None
        texts = {
            key: reader.name(keys[key], f"`{key}` of {what}") or ""
            for key in ("event", "property", "now")
            if key in keys
        }
        return Former(
            **texts, through=read_key(keys, "through", lambda n: reader.integer(n, f"`through` of {what}", 1))
        )

    def _example(self, reader: Reader, node: Node, what: str) -> dict[str, Any] | None:
        value = reader.data(node, what)
        if isinstance(value, dict):
            return value
        reader.problem(node, f"{what} must be a mapping of properties.")
        return None


def read_key(keys: dict[str, Node], key: str, read: Callable[[Node], Any]) -> Any:
    """What `read` makes of the value of a key, or None without the key."""
    return read(keys[key]) if key in keys else None


def read_list(
    places: dict[At, Place],
    reader: Reader,
    keys: dict[str, Node],
    key: str,
    what: str,
    at: At,
    read: Callable[[Reader, Node, str], Any],
) -> tuple[Any, ...]:
    """What `read` makes of each item under a key, none without it; the place of each is kept."""
    found: list[Any] = []
    for node in reader.items(keys[key], f"`{key}` of {what}") if key in keys else ():
        value = read(reader, node, f"an entry in `{key}` of {what}")
        if value is not None:
            places[(*at, key, str(len(found)))] = reader.place(node)
            found.append(value)
    return tuple(found)


def read_waiver(reader: Reader, node: Node, what: str) -> Waiver | None:
    """One entry of `waive`; which rules there are is the linter's business."""
    texts = read_texts(reader, node, what, ("rule", "reason"), ("property", "until"))
    return Waiver(**texts) if texts else None


def read_names(
    places: dict[At, Place], reader: Reader, keys: dict[str, Node], key: str, what: str, at: At
) -> tuple[str, ...]:
    """The names under a key, none without it; the place of the key is kept."""
    if key not in keys:
        return ()
    places[(*at, key)] = reader.place(keys[key])
    return reader.names(keys[key], f"`{key}` of {what}")


def read_policy(reader: Reader, node: Node) -> dict[str, str]:
    """`on_violation`: violation code to action."""
    policy = {}
    for code, value in reader.mapping(node, "`on_violation`", [code.value for code in ViolationCode]).items():
        action = reader.one_of(value, f"`{code}`", [action.value for action in Action])
        if action == Action.STRIP and code not in STRIPPABLE:
            message = f"`{code}: strip` cannot be done: this violation names no property that could be removed."
            hint = "Write `flag` (mark and store), `quarantine` (set aside with its payload) or `reject` (refuse it)."
            reader.problem(value, message, hint)
        elif action is not None:
            policy[code] = action
    return policy


def read_texts(reader: Reader, node: Node, what: str, needed: tuple[str, ...], more: tuple[str, ...]) -> dict[str, str]:
    """The texts of a small mapping; empty if a needed one is missing, which has then been reported."""
    keys = reader.mapping(node, what, (*needed, *more), required=needed)
    texts = {key: reader.text(value, f"`{key}` of {what}") or "" for key, value in keys.items()}
    if texts.get("until") and not is_date(texts["until"]):
        reader.problem(keys["until"], f"`until` of {what} must be a date.", "Write it as in 2026-12-31.")
    return texts if all(texts.get(key) for key in needed) else {}
