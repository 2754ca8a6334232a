"""What the plan says about events and properties, in sentences for docstrings and JSDoc."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..model import Choice, EventSpec, PropertySpec
from ..near import listed
from ..verdict.explain import kind_name

DRAFT = "Draft: not in the plan for good yet, so it may still change."


def about_event(event: EventSpec, function: str) -> list[str]:
    """The paragraphs about an event: what it is, then who sends it and when."""
    facts = []
    if event.name != function:
        facts.append(f"Sent as `{event.name}`.")
    if event.when:
        facts.append(f"When: {_ended(event.when)}")
    if event.owner:
        facts.append(f"Owner: {_ended(event.owner)}")
    if event.sent_by:
        facts.append(f"Sent by: {', '.join(event.sent_by)}.")
    if event.once_per:
        facts.append(f"Once per: {', '.join(event.once_per)}.")
    summary = _ended(event.summary) if event.summary else f"Send `{event.name}`."
    paragraphs = [summary, DRAFT if event.status == "draft" else "", " ".join(facts), " ".join(_rules(event))]
    return [paragraph for paragraph in paragraphs if paragraph]


def deprecation(event: EventSpec) -> str:
    """Why a deprecated event should not be sent, and what instead."""
    until = f" and will be removed after {event.remove_after}" if event.remove_after else ""
    instead = f" Send `{event.replaced_by}` instead." if event.replaced_by else ""
    return f"`{event.name}` is deprecated{until}.{instead}"


def about_property(spec: PropertySpec, identifier: str = "") -> str:
    """One line about a property: its summary, what values it takes, unit, pii class and the key it is sent as."""
    facts = [kind_name(spec), *_limits(spec)]
    if spec.unit:
        facts.append(f"in {spec.unit}")
    if spec.nullable and spec.kind != "any":
        facts.append("or null")
    text = (_ended(spec.summary) + " " if spec.summary else "") + _ended(_capital(", ".join(facts)))
    if not spec.required:
        text += " Optional."
    if spec.pii:
        text += f" PII: {spec.pii}."
    if spec.store != "plain":
        text += " Not stored." if spec.store == "drop" else " Stored as a hash."
    if identifier and identifier != spec.name:
        text += f" Sent as `{spec.name}`."
    return text


def _limits(spec: PropertySpec) -> Iterator[str]:
    if spec.min is not None and spec.max is not None:
        yield f"{spec.min} to {spec.max}"
    elif spec.min is not None:
        yield f"at least {spec.min}"
    elif spec.max is not None:
        yield f"at most {spec.max}"
    if spec.multiple_of is not None:
        yield f"a multiple of {spec.multiple_of}"
    for least, most, noun in (
        (spec.min_length, spec.max_length, "characters"),
        (spec.min_items, spec.max_items, "items"),
    ):
        if least is not None and most is not None:
            yield f"{least} to {most} {noun}"
        elif least is not None:
            yield f"at least {least} {noun if least != 1 else noun[:-1]}"
        elif most is not None:
            yield f"at most {most} {noun if most != 1 else noun[:-1]}"
    if spec.pattern is not None:
        yield f"matches `{spec.pattern}`"
    if spec.format is not None:
        yield f"format {spec.format}"
    if spec.choices:
        yield f"one of {listed(_choice(choice) for choice in spec.choices)}"
    if spec.of is not None:
        inside = ", ".join((kind_name(spec.of), *_limits(spec.of)))
        yield f"each {inside}"


def _choice(choice: Choice) -> str:
    return f"{choice.value} ({choice.summary})" if choice.summary else choice.value


def _rules(event: EventSpec) -> Iterator[str]:
    for rule in event.rules:
        when = " and ".join(
            f"`{name}` is {' or '.join(json.dumps(value, ensure_ascii=False) for value in values)}"
            for name, values in rule.when.items()
        )
        then = ", ".join(f"`{name}`" for name in rule.then_required)
        yield f"{then} is required when {when}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text.rstrip().endswith((".", "!", "?", "。")) else f"{text.rstrip()}."
