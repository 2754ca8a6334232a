"""
From what the warehouse holds back to what a client sent, as far as storage tells.

    properties (JSON column) + misfits ─▶ nulls out, `store_as` undone, misfits in ─▶ the object of the event

Two things storage does not tell apart, and what is made of them:

* null, `{}` and absent read alike. A required property that the plan lets be null is taken for null, a required
  object for `{}`; any other is absent. `null_where` names more that shall be read as null.
* a decimal has lost its trailing zeros, a timestamp its zone: "12.50" reads "12.5".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from trackway_plan.model import EventSpec, PropertySpec

READ_SETTINGS: dict[str, str | int] = {"output_format_json_quote_decimals": 1, "date_time_output_format": "iso"}
"""How `toJSONString` must write: decimals as text, as they are sent, and timestamps in RFC 3339."""

_decode = msgspec.json.Decoder().decode


class Restorer:
    """
    Undoes storage for the events of one name; `spec` is what the plan says about it, None if nothing.

    Args:
        null_where: paths, as people write them, of properties that are read as null where they are absent.
    """

    def __init__(self, spec: EventSpec | None, null_where: Collection[str] = ()) -> None:
        self._properties = spec.properties if spec else {}
        self._null_where = frozenset(null_where)
        self._plain = not self._null_where and not any(map(_needs_care, self._properties.values()))
        self._timestamp_planned = "timestamp" in self._properties

    def sent(self, stored: str, misfits: Mapping[str, str]) -> Any:
        """The properties as sent, from the JSON text of the column and the misfits beside it."""
        values = {name.replace("%2E", "."): value for name, value in _without_nulls(_decode(stored)).items()}
        for name, text in misfits.items():
            if name == "properties" and name not in self._properties:
                return _decode(text)  # they were no object at all
            # Also the event's own time, where it could not be read.
            if not name.startswith("traits.") and (name != "timestamp" or self._timestamp_planned):
                values[name] = _decode(text)
        return values if self._plain else self._object(values, self._properties, "")

    def _object(self, values: dict[str, Any], specs: Mapping[str, PropertySpec], at: str) -> dict[str, Any]:
        sent: dict[str, Any] = {}
        stored_names = {spec.store_as: name for name, spec in specs.items() if spec.store_as}
        for stored, value in values.items():
            name = stored_names.get(stored, stored)
            spec = specs.get(name)
            sent[name] = value if spec is None else self._value(value, spec, at + name)
        for name, spec in specs.items():
            if name in sent:
                continue
            if at + name in self._null_where or (spec.required and spec.nullable):
                sent[name] = None
            elif spec.required and spec.kind == "object":
                sent[name] = self._object({}, spec.properties or {}, f"{at}{name}.")
        return sent

    def _value(self, value: Any, spec: PropertySpec, at: str) -> Any:
        if spec.kind == "object" and spec.properties is not None and isinstance(value, dict):
            return self._object(value, spec.properties, f"{at}.")
        if spec.kind == "list" and spec.of is not None and isinstance(value, list):
            of = spec.of
            return [self._value(item, of, f"{at}[]") for item in value]
        return value


def _needs_care(spec: PropertySpec) -> bool:
    """Whether there is more to undo for a property than its nulls."""
    if spec.store_as or (spec.required and (spec.nullable or spec.kind == "object")):
        return True
    return any(map(_needs_care, (spec.properties or {}).values())) or (spec.of is not None and _needs_care(spec.of))


def _without_nulls(value: Any) -> Any:
    # A typed path without a value reads as null. In a list a null is one that was sent.
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return [_without_nulls(item) for item in value]
    return value
