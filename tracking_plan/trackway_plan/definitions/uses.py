"""What a definition rests on: the events, properties and values that it names, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, SequenceNode

from ..columns import column_named
from ..condition import All, Any, Comparison, Condition, ConditionError, Name, Not, parse_condition
from ..loading.nodes import Reader
from ..model import Place
from .model import Use

_STEP_KEYS = ("event", "where", "label")
_EVENTS = {
    "funnel": ("steps",),
    "paths": ("start", "end", "exclude"),
    "retention": ("start", "return"),
    "attribution": ("conversion", "touch"),
    "metric": ("event",),
}
_PROPERTIES = ("breakdown", "channel", "value", "of")
# What `value` of an attribution reads belongs to the conversion, `channel` to the touches.
_OF_EVENTS = {"value": "conversion", "channel": "touch", "of": "event", "breakdown": "step 1"}


@dataclass
class UseReader:
    """Reads the uses of one definition; what is wrong goes to the reader's problems."""

    reader: Reader
    kind: str
    what: str

    def uses(self, keys: dict[str, Node]) -> tuple[Use, ...]:
        """The uses, in the order in which the options stand."""
        found: list[Use] = []
        for key in _EVENTS[self.kind]:
            if key in keys:
                found += self._steps(key, keys[key])
        named = {use.role: use.events for use in found if not use.property}
        every = () if self._about_any_event(keys) else tuple(dict.fromkeys(e for use in found for e in use.events))
        for key in _PROPERTIES:
            if key in keys and (text := self.reader.name(keys[key], f"`{key}` of {self.what}")):
                place = self.reader.place(keys[key])
                found += _property(key, named.get(_OF_EVENTS[key], every if key != "channel" else ()), text, place)
        if "where" in keys:
            found += self._condition("where", every, keys["where"])
        return tuple(found)

    def _about_any_event(self, keys: dict[str, Node]) -> bool:
        """Whether the question looks at events it does not name: paths always do."""
        return self.kind == "paths" or any(key not in keys for key in _EVENTS[self.kind])

    def _steps(self, key: str, node: Node) -> list[Use]:
        if key != "steps":
            return self._step(key, node)
        if self.kind == "paths":
            return []  # there, `steps` is a number of columns
        found: list[Use] = []
        for number, item in enumerate(self.reader.items(node, f"`steps` of {self.what}"), 1):
            found += self._step(f"step {number}", item)
        return found

    def _step(self, role: str, node: Node) -> list[Use]:
        """`cart`, `[cart, wishlist]`, or `{event: cart, where: price > 10, label: Cart}`."""
        if not isinstance(node, MappingNode):
            return self._events(role, node)
        keys = self.reader.mapping(node, f"{role} of {self.what}", _STEP_KEYS, required=("event",))
        found = self._events(role, keys["event"]) if "event" in keys else []
        if "where" in keys and found:
            found += self._condition(role, found[0].events, keys["where"])
        return found

    def _events(self, role: str, node: Node) -> list[Use]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        names = [self.reader.name(each, f"an event in {role} of {self.what}") for each in nodes]
        events = tuple(name for name in names if name is not None)
        return [Use(role=role, events=events, place=self.reader.place(node))] if events else []

    def _condition(self, role: str, events: tuple[str, ...], node: Node) -> list[Use]:
        text = self.reader.text(node, f"`where` of {self.what}")
        if text is None:
            return []
        try:
            tree = parse_condition(text)
        except ConditionError as error:
            message = f"`where` of {self.what}: {error.problem}, at character {error.position + 1} of `{text}`."
            self.reader.problem(node, message, error.cure)
            return []
        place = self.reader.place(node)
        return [use for each, negated in _compared(tree) for use in _comparison(role, events, each, negated, place)]


def _compared(tree: Condition, negated: bool = False) -> Iterable[tuple[Comparison, bool]]:
    """Every comparison, and whether it counts by what it is not."""
    match tree:
        case Comparison():
            yield tree, negated != (tree.operator == "!=")
        case Not(part):
            yield from _compared(part, not negated)
        case All(parts) | Any(parts):
            for each in parts:
                yield from _compared(each, negated)


def _comparison(role: str, events: tuple[str, ...], tree: Comparison, negated: bool, place: Place) -> list[Use]:
    if tree.name == Name("event"):
        names = tuple(str(value) for value in tree.values)
        return [Use(role=role, events=names, place=place)] if names and tree.operator in ("=", "in", "!=") else []
    # Only equality names values; `> 10` and `contains "x"` hold whatever the choices are called.
    values = tree.values if tree.operator in ("=", "!=", "in") else ()
    path = _path(tree.name)
    return [Use(role=role, events=events, property=path, values=values, negated=negated, place=place)] if path else []


def _property(role: str, events: tuple[str, ...], text: str, place: Place) -> list[Use]:
    path = _path(Name(text))
    return [Use(role=role, events=events, property=path, place=place)] if path else []


def _path(name: Name) -> str:
    """The property that a name means, "" for a column."""
    if name.quoted:
        return name.text
    if name.text.startswith("properties."):
        return name.text.removeprefix("properties.")
    return "" if column_named(name.text) else name.text
