"""The plan as a table, one row a property; the columns are described in `csv_plan`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..loading.property import CONSTRAINTS
from ..model import STATUSES, Plan, PropertySpec
from .csv_plan import COLUMNS
from .exported import Exported, flat_events, flat_properties, plan_losses, report_event_words
from .losses import Losses


def write_csv(plan: Plan) -> Exported:
    """One file, plan.csv."""
    losses = Losses()
    plan_losses(plan, "CSV", losses)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, event in flat_events(plan).items():
        losses.event = name
        report_event_words(event, losses, "CSV", status=STATUSES, kept=("owner", "when", "sent_by"))
        if event.rules:
            losses.add(name, f"{len(event.rules)} rules", "a row is of one property")
        if event.examples:
            losses.add(name, f"{len(event.examples)} examples", "a row is of one property")
        head = {
            "event": name,
            "event summary": event.summary,
            "area": event.area,
            "status": event.status,
            "owner": event.owner,
            "when": event.when,
            "sent by": _joined(event.sent_by),
            "open": _word(event.open),
        }
        rows = list(_rows_of(event.properties, "", losses))
        writer.writerows([head | row for row in rows] or [head])
    for kind, specs in plan.traits.items():
        losses.event = f"traits of the {kind}"
        head = {"event": f"traits: {kind}"}
        writer.writerows([head | row for row in _rows_of(flat_properties(specs), "", losses)] or [head])
    return Exported(files={"plan.csv": out.getvalue()}, losses=tuple(losses.found))


def _rows_of(properties: dict[str, PropertySpec], prefix: str, losses: Losses) -> Iterator[dict[str, str]]:
    for name, spec in properties.items():
        yield from _rows_of_one(spec, prefix + re.sub(r"([.\[\\])", r"\\\1", name), losses, _shown(prefix, name))


def _rows_of_one(spec: PropertySpec, path: str, losses: Losses, shown: str) -> Iterator[dict[str, str]]:
    parts = spec.any_of or (spec,)
    row = {"property": path, "type": _joined(part.kind for part in parts)}
    for part in parts:
        for key in CONSTRAINTS[part.kind]:
            value = getattr(part, key)
            if key in ("of", "properties", "open") or value is None or value is False or value == ():
                continue
            row[key.replace("_", " ")] = _joined(c.value for c in value) if key == "choices" else _word(value)
        if any(choice.summary or choice.formerly for choice in part.choices):
            losses.add(losses.event, "what its choices mean", "CSV lists their values alone", shown)
    if len({part.kind for part in parts}) < len(parts) or ("choice" in row["type"] and "string" in row["type"]):
        losses.add(losses.event, "a union of one kind twice", "CSV says a limit once a row", shown)
    for key in ("summary", "unit", "pii", "store", "store_as", "column"):
        row[key.replace("_", " ")] = _word(getattr(spec, key) or "")
    row |= {"required": _word(spec.required), "nullable": _word(spec.nullable), "open object": _word(spec.open)}
    if spec.kind == "object" and spec.properties == {}:
        losses.add(losses.event, "an object of nothing", "without rows inside it is an object of anything", shown)
    yield row
    if spec.of is not None:
        yield from _rows_of_one(spec.of, f"{path}[]", losses, f"{shown}[]")
    if spec.properties:
        inner = spec.properties
        for name, each in inner.items():
            escaped = re.sub(r"([.\[\\])", r"\\\1", name)
            yield from _rows_of_one(each, f"{path}.{escaped}", losses, f"{shown}.{name}")


def _shown(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _word(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _joined(values: Iterable[str]) -> str:
    return "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)
