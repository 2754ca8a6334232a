"""
One value as a mapping file writes it, compiled: `$field`, a text with `${field}` in it, a constant, or an object with
`field`, `constant`, `template`, `object` or `each`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trackway_collector.mapping import convert
from trackway_collector.mapping.convert import EPOCHS, NUMBERS, SIMPLE, TIMES, Convert
from trackway_collector.mapping.paths import Get, Path, parse_path
from trackway_collector.mapping.values import all_but, constant, each, field, object_of, template
from trackway_plan.errors import Problem
from trackway_plan.loading.nodes import Reader
from trackway_plan.near import did_you_mean

_FORMS = ("field", "constant", "template", "object", "each")
_NUMBER_KEYS = ("decimal", "grouping", "divide_by")
_TIME_KEYS = ("format", "zone")
_FIELD_KEYS = ("field", "as", *_TIME_KEYS, *_NUMBER_KEYS, "values", "only", "split", "default", "required")
_EACH_KEYS = ("each", "item")
_KINDS = (*SIMPLE, *NUMBERS, *TIMES)


class ValueReader(Reader):
    """Reads values; what is wrong goes to `problems`, members of the record that are named to `fields`."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        super().__init__(file, problems)
        self.fields: list[tuple[str, ...]] = []

    def value(self, node: Node, what: str) -> Get:
        """Compile one value."""
        if isinstance(node, ScalarNode):
            return self._scalar(node, what)
        if isinstance(node, SequenceNode):
            items = [self.value(item, f"an item of {what}") for item in node.value]
            return lambda record: [value for get in items if (value := get(record)) is not None]
        if not isinstance(node, MappingNode):
            return constant(None)
        keys = [key.value for key, _ in node.value]
        form = next((form for form in _FORMS if form in keys), None)
        if form == "field":
            return self._field(node, what)
        if form == "each":
            return self._each(node, what)
        if form is None:
            hint = f"Write one of {', '.join(f'`{name}`' for name in _FORMS)}: `field: amount`, or in short `$amount`."
            self.problem(node, f"{what} does not say where its value comes from.", hint)
            return constant(None)
        inner = self.mapping(node, what, (form,)).get(form, node)
        if form == "object":
            return object_of(self.members(inner, what))
        if form == "constant":
            return constant(self.data(inner, what))
        return self._template(inner, self.text(inner, f"the template of {what}") or "")

    def timestamp(self, node: Node) -> Get:
        """Compile a field that is a time in ISO 8601, written in short."""
        if isinstance(node, ScalarNode) and node.value.startswith("$"):
            path = self._short_path(node)
            return field([path], [convert.timestamp_from()]) if path is not None else constant(None)
        self.problem(node, "`timestamp` is a field.", "Write `timestamp: $created_at`, or `{field: created, as: …}`.")
        return constant(None)

    def members(self, node: Node, what: str) -> list[tuple[str, Get]]:
        """Compile the members of an object; `*` takes in another object's."""
        found = []
        for name, (_, value) in self.named(node, what).items():
            found.append((name, self._spread(value) if name == "*" else self.value(value, f"`{name}`")))
        return found

    def path(self, node: Node, written: str) -> Path | None:
        """Read a path; a problem at the node when it is none."""
        try:
            path = parse_path(written)
        except ValueError as error:
            self.problem(
                node, f"{error}.", 'Write `name`, `outer.inner`, `list[0].name`; odd names in quotes: `"a.b"`.'
            )
            return None
        if not path:
            self.problem(node, "a field is missing here.", "Write its name.")
            return None
        return path

    def word(self, node: Node, what: str, known: Sequence[str]) -> str | None:
        """Read one of a few words."""
        found = self.text(node, what)
        if found is None or found in known:
            return found
        self.problem(node, f"{what} is `{found}`.{did_you_mean(found, known)}", f"Known: {', '.join(known)}.")
        return None

    def _scalar(self, node: ScalarNode, what: str) -> Get:
        value = self.scalar(node, what)
        if not isinstance(value, str) or "$" not in value:
            return constant(value)
        if value.startswith("$") and not value.startswith(("${", "$$")):
            path = self._short_path(node)
            return field([path], []) if path is not None else constant(None)
        return self._template(node, value)

    def _short_path(self, node: ScalarNode) -> Path | None:
        path = self.path(node, node.value[1:])
        if path is not None:
            self._name([path])
        return path

    def _name(self, paths: Sequence[Path]) -> None:
        self.fields.append(tuple(path[0] for path in paths if isinstance(path[0], str)))

    def _template(self, node: Node, written: str) -> Get:
        try:
            return template(written)
        except ValueError as error:
            self.problem(node, f"{error}.", "Write `${field}`; a dollar sign itself is `$$`.")
            return constant(None)

    def _spread(self, node: Node) -> Get:
        if isinstance(node, ScalarNode) and node.value == "$":
            return lambda record: record
        if isinstance(node, ScalarNode) and node.value.startswith("$"):
            short = self._short_path(node)
            return field([short], []) if short is not None else constant(None)
        found = self.mapping(node, "`*`", ("field", "except"))
        written = self.text(found["field"], "`field`") if "field" in found else ""
        path: Path | None = () if written in ("", "$", None) else self.path(found["field"], written)
        left_out = self.names(found["except"], "`except`") if "except" in found else ()
        return all_but(field([path or ()], []), frozenset(left_out))

    def _each(self, node: Node, what: str) -> Get:
        found = self.mapping(node, what, _EACH_KEYS, _EACH_KEYS)
        if len(found) < len(_EACH_KEYS):
            return constant(None)
        path = self.path(found["each"], (self.text(found["each"], "`each`") or "").removeprefix("$"))
        outside = len(self.fields)
        item = self.value(found["item"], f"an item of {what}")
        del self.fields[outside:]  # those are members of the item
        return each(field([path or ()], []), item)

    def _field(self, node: MappingNode, what: str) -> Get:
        found = self.mapping(node, what, _FIELD_KEYS)
        written = found["field"]
        items = written.value if isinstance(written, SequenceNode) else [written]
        texts = [(item, (self.text(item, "`field`") or "").removeprefix("$")) for item in items]
        paths = [path for item, text in texts if (path := self.path(item, text)) is not None]
        self._name(paths)
        default = self.data(found["default"], "`default`") if "default" in found else None
        required = "required" in found and self.boolean(found["required"], "`required`")
        return field(paths, self._converts(found, what), default, required=required)

    def _converts(self, found: dict[str, Node], what: str) -> list[Convert]:
        converts: list[Convert] = []
        if "split" in found:
            converts.append(convert.split(self.text(found["split"], "`split`") or ","))
        asked = found.get("as")
        kinds = [] if asked is None else asked.value if isinstance(asked, SequenceNode) else [asked]
        options = set(found) & {*_TIME_KEYS, *_NUMBER_KEYS}
        for kind in kinds:
            word = self.word(kind, f"`as` of {what}", _KINDS)
            if word in SIMPLE:
                converts.append(SIMPLE[word])
            elif word in NUMBERS:
                converts.append(NUMBERS[word](**self._number_options(found)))
                options -= set(_NUMBER_KEYS)
            elif word in TIMES:
                converts.append(TIMES[word](**self._time_options(found)))
                options -= set(_TIME_KEYS)
        for name in sorted(options):
            of = "number, int or decimal" if name in _NUMBER_KEYS else "timestamp or date"
            self.problem(found[name], f"`{name}` of {what} is for `as: {of}`.", "Say what the field is: `as: …`.")
        if "values" in found:
            values = {key: self.data(value, what) for key, (_, value) in self._table(found["values"]).items()}
            strict = "only" in found and self.boolean(found["only"], "`only`")
            converts.append(convert.table(values, strict=strict))
        return converts

    def _table(self, node: Node) -> dict[str, tuple[Node, Node]]:
        """The two columns of `values`; its keys may look like numbers or truth values."""
        if not isinstance(node, MappingNode):
            return self.named(node, "`values`")
        return {str(key.value): (key, value) for key, value in node.value if isinstance(key, ScalarNode)}

    def _number_options(self, found: dict[str, Node]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for name in ("decimal", "grouping"):
            if name in found:
                mark = self.text(found[name], f"`{name}`") or "."
                if len(mark) != 1:
                    self.problem(found[name], f"`{name}` is one character.")
                options[name] = mark
        if options.get("decimal", ".") == options.get("grouping", ""):
            self.problem(found["grouping"], "`decimal` and `grouping` are the same character.")
        if "divide_by" in found:
            divisor = self.number(found["divide_by"], "`divide_by`")
            if not divisor:
                self.problem(found["divide_by"], "`divide_by` is a number other than 0.")
            options["divide_by"] = divisor or 1
        return options

    def _time_options(self, found: dict[str, Node]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if "format" in found:
            form = self.text(found["format"], "`format`") or "iso"
            if form != "iso" and form not in EPOCHS and "%" not in form:
                hint = f"Known: iso, {', '.join(EPOCHS)}, or a pattern such as `%d.%m.%Y %H:%M`."
                self.problem(found["format"], f"`format` is `{form}`.", hint)
            options["form"] = form
        if "zone" in found:
            options["zone"] = self._zone(found["zone"])
        return options

    def _zone(self, node: Node) -> tzinfo:
        name = self.text(node, "`zone`") or "UTC"
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.problem(node, f"`zone` is `{name}`, which the zone database does not know.", "Write `Europe/Berlin`.")
            return UTC
