"""The parts of a mapping file that make an event: the top of the file, and each rule of `events`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from trackway_collector.mapping.conditions import Test, is_not, is_one_of, is_present, matches
from trackway_collector.mapping.event import IDS, OBJECTS, TEXTS, Json, Rule
from trackway_collector.mapping.message_id import IdOf, id_of
from trackway_collector.mapping.paths import Get, getter
from trackway_collector.mapping.read_values import ValueReader
from trackway_collector.mapping.values import members

SCALARS = (*TEXTS, *IDS, "timestamp")
RULE_KEYS = (*SCALARS, "messageId", *OBJECTS)

_CONDITIONS = ("not", "present", "matches")


def merged(common: dict[str, Node], own: dict[str, Node]) -> dict[str, Node]:
    """What a rule says over what the top of the file says; the members of objects are taken together."""
    both = common | own
    for name in OBJECTS:
        top, rule = common.get(name), own.get(name)
        if isinstance(top, MappingNode) and isinstance(rule, MappingNode):
            known = {key.value for key, _ in rule.value}
            kept = [(key, value) for key, value in top.value if key.value not in known]
            both[name] = MappingNode(rule.tag, [*kept, *rule.value], rule.start_mark, rule.end_mark)
    return both


def read_rule(reader: ValueReader, at: Node, found: dict[str, Node], *, named: bool) -> Rule:
    """
    Compile a rule.

    Args:
        named: whether the event may have its name from elsewhere, so that a rule without one is no mistake.
    """
    skip = "skip" in found and reader.boolean(found["skip"], "`skip`")
    kind = found.get("type")
    is_track = kind is None or kind.value == "track"
    if is_track and "event" not in found and not skip and not named:
        hint = "Write `event: order_completed`, or `event: $column` to take it from the record."
        reader.problem(at, "the event has no name.", hint)
    scalars = [(name, _scalar(reader, name, found[name])) for name in SCALARS if name in found]
    objects: list[tuple[str, Callable[[Any], Json]]] = [
        (name, members(reader.members(found[name], f"`{name}`"))) for name in OBJECTS if name in found
    ]
    return Rule(
        tuple(_tests(reader, found["when"])) if "when" in found else (),
        skip,
        tuple(scalars),
        tuple(objects),
        _message_id(reader, found["messageId"]) if "messageId" in found else None,
    )


def _scalar(reader: ValueReader, name: str, node: Node) -> Get:
    if name == "timestamp" and not isinstance(node, MappingNode):
        # The usual case in short: `timestamp: $created_at`, in ISO 8601.
        return reader.timestamp(node)
    return reader.value(node, f"`{name}`")


def _message_id(reader: ValueReader, node: Node) -> Get:
    if isinstance(node, MappingNode) and [key.value for key, _ in node.value] == ["of"]:
        of = node.value[0][1]
        if not isinstance(of, SequenceNode) and of.value == "record":
            return IdOf
        paths = [reader.path(item, reader.text(item, "a field of `of`") or "") for item in reader.items(of, "`of`")]
        return id_of([path for path in paths if path is not None])
    return reader.value(node, "`messageId`")


def _tests(reader: ValueReader, node: Node) -> list[Test]:
    tests = []
    for written, (key, value) in reader.named(node, "`when`").items():
        path = reader.path(key, written)
        if path is not None:
            tests.append(_test(reader, getter(path), value))
    return tests


def _test(reader: ValueReader, get: Get, node: Node) -> Test:
    if isinstance(node, SequenceNode):
        return is_one_of(get, [reader.scalar(item, "a value") for item in node.value])
    if not isinstance(node, MappingNode):
        return is_one_of(get, [reader.scalar(node, "a value")])
    found = reader.mapping(node, "a condition", _CONDITIONS)
    if len(found) != 1:
        reader.problem(node, "a condition is a value, a list of values, or one of `not`, `present` and `matches`.")
        return is_present(get, present=True)
    ((word, inner),) = found.items()
    if word == "present":
        return is_present(get, present=reader.boolean(inner, "`present`"))
    if word == "not":
        return is_not(_test(reader, get, inner))
    try:
        return matches(get, re.compile(reader.text(inner, "`matches`") or ""))
    except re.error as error:
        reader.problem(inner, f"`matches` is no regular expression: {error}.")
        return is_present(get, present=True)
