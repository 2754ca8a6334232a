"""
Calls that send events, in JavaScript and TypeScript: `analytics.track("Name", {…})` and what stands for it.

Followed are import aliases, `const { track } = analytics`, `const send = analytics.track`, `new Analytics(…)`,
parameters typed as a tracker, wrappers named in plan.yaml, generated clients, and constants and enums, also from
files beside.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tree_sitter import Node

from ..model import CodeCoverage, Wrapper
from .calls import UNKNOWN, Call, Scan
from .python_index import GENERATED
from .script_file import DEEPEST, ScriptFile, bare, text, walk

RECEIVERS = frozenset({"analytics", "tracker", "trackway", "rudderanalytics"})
"""Names whose method `track` sends events, also as `window.analytics` and `this.tracker`."""

CLASSES = frozenset({"Analytics", "AnalyticsBrowser", "RudderAnalytics", "Tracker"})
"""Classes whose instances do."""

_SUFFIXES = ("", ".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs", "/index.ts", "/index.tsx", "/index.js")


def scan_scripts(files: Iterable[tuple[Path, Path, bytes]], settings: CodeCoverage, found: Scan) -> None:
    """Add the calls in these files (path, root, content) to what was found."""
    parsed = {os.path.realpath(path): ScriptFile.parse(path, content) for path, _, content in files}
    generated = {real: _functions(each) for real, each in parsed.items() if GENERATED.encode() in each.content[:2000]}
    for real, each in parsed.items():
        error = each.first_error()
        if error is not None:
            found.unreadable.append((each.place(error), "the syntax is wrong from here"))
        if real not in generated:
            found.calls += _Calls(each, settings, parsed, generated).found()


def _functions(client: ScriptFile) -> dict[str, str]:
    """The functions of a generated client, and the event that each sends; that of `track` is its argument."""
    found = {"track": ""}
    for node in walk(client.root):
        name = node.child_by_field_name("name") if node.type == "function_declaration" else None
        if name is None:
            continue
        for call in walk(node):
            function = call.child_by_field_name("function") if call.type == "call_expression" else None
            arguments = _arguments(call)
            if function is not None and text(function) == "tracker.track" and arguments:
                event = client.value(arguments[0])
                if isinstance(event, str):
                    found[text(name)] = event
    return found


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    return [each for each in arguments.named_children if each.type != "comment"] if arguments is not None else []


class _Calls:
    def __init__(
        self,
        file: ScriptFile,
        settings: CodeCoverage,
        files: Mapping[str, ScriptFile],
        generated: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.file = file
        self.files = files
        self.generated = generated
        self.receivers = RECEIVERS | set(settings.receivers)
        self.wrappers = settings.wrappers

    def found(self) -> list[Call]:
        """The calls of the file."""
        return [call for node in walk(self.file.root) if node.type == "call_expression" for call in self._call(node)]

    def _call(self, node: Node) -> Iterator[Call]:
        function = node.child_by_field_name("function")
        if function is None:
            return
        function = bare(function)
        if function.type not in ("identifier", "member_expression", "subscript_expression"):
            return
        via, name = text(function), self.dotted(function)
        arguments = _arguments(node)
        event = self._client_event(function)
        wrapper = self._wrapper(via, name)
        if event is not None:
            names: list[str | None] = [event] if event else self._events(arguments, 1)
            yield from self._sent(node, via, names, arguments, 1 if event else 2)
        elif wrapper is not None:
            if isinstance(wrapper.event, int) and not self._is_inside_its_own(node, wrapper):
                place = wrapper.properties if isinstance(wrapper.properties, int) else 1
                yield from self._sent(node, via, self._events(arguments, wrapper.event), arguments, place)
        elif self._is_track(via, name) and not any(self._is_inside_its_own(node, each) for each in self.wrappers):
            yield from self._sent(node, via, self._events(arguments, 0), arguments, 1)

    # ── what is called ────────────────────────────────────────────────────────────

    def dotted(self, node: Node, steps: int = 0) -> str:
        """What an expression stands for, as `analytics.track`, through aliases, imports and destructuring."""
        node = bare(node)
        if steps > DEEPEST:
            return ""
        if node.type == "member_expression":
            owner, name = node.child_by_field_name("object"), node.child_by_field_name("property")
            if owner is None or name is None:
                return ""
            base = self.dotted(owner, steps + 1)
            return f"{base}.{text(name)}" if base else text(name)
        if node.type == "identifier":
            return self._named(text(node), steps)
        if node.type == "this":
            return "this"
        if node.type in ("new_expression", "call_expression"):
            inner = node.child_by_field_name("constructor") or node.child_by_field_name("function")
            made_of = self.dotted(inner, steps + 1) if inner is not None else ""
            made = node.type == "new_expression" or made_of.endswith(".load")
            is_one = made and not CLASSES.isdisjoint(made_of.split("."))
            return "analytics" if is_one else f"{made_of}()"
        return ""

    def _named(self, name: str, steps: int) -> str:
        if name in self.file.imports and name not in self.file.bindings:
            exported = self.file.imports[name][1]
            return name if exported == "default" else "" if exported == "*" else exported
        if _is_class(self.file.types.get(name, "")):
            return "analytics"
        bound = self.file.once(name)
        if bound is None:
            return name
        value, member = bound
        base = self.dotted(value, steps + 1)
        if not base or base == name:
            return name
        return f"{base}.{member}" if member else base

    def _is_track(self, via: str, name: str) -> bool:
        for each in (name, via.replace("?.", ".").replace("!", "")):
            owner, _, method = each.rpartition(".")
            last = owner.rpartition(".")[2]
            if method == "track" and (owner in self.receivers or last in self.receivers):
                return True
            if method == "track" and _is_class(self.file.types.get(owner, "")):
                return True
        return False

    def _wrapper(self, via: str, name: str) -> Wrapper | None:
        names = {name, via.replace("?.", ".")}
        for wrapper in self.wrappers:
            if any(each == wrapper.call or each.endswith(f".{wrapper.call}") for each in names):
                return wrapper
        return None

    def _is_inside_its_own(self, node: Node, wrapper: Wrapper) -> bool:
        """Whether a call stands in the definition of the wrapper: its arguments are those of the wrapper's callers."""
        wanted = wrapper.call.rpartition(".")[2]
        parent = node.parent
        while parent is not None:
            if parent.type in ("function_declaration", "method_definition", "variable_declarator", "pair"):
                name = parent.child_by_field_name("name") or parent.child_by_field_name("key")
                if name is not None and text(name) == wanted:
                    return True
            parent = parent.parent
        return False

    def _client_event(self, function: Node) -> str | None:
        """The event of a generated function, "" for the client's `track`, None for anything else."""
        owner, _, name = text(function).rpartition(".")
        local = owner or name
        if local not in self.file.imports:
            return None
        module, exported = self.file.imports[local]
        functions = self.generated.get(self._file_of(module) or "")
        if functions is None:
            return None
        return functions.get(name if owner else exported)

    def _file_of(self, module: str) -> str | None:
        """The scanned file that an import means; of `@/x` and the like, the generated client of that name."""
        if module.startswith("."):
            base = os.path.realpath(self.file.path.parent / module)
            # TypeScript's own modules are imported as the .js that they will be.
            names = (each + suffix for each in (base, base.removesuffix(".js")) for suffix in _SUFFIXES)
            return next((name for name in names if name in self.files), None)
        tail = module.rpartition("/")[2]
        return next((real for real in self.generated if Path(real).stem == tail), None)

    # ── arguments ────────────────────────────────────────────────────────────

    def _sent(
        self, node: Node, via: str, events: list[str | None], arguments: list[Node], place: int
    ) -> Iterator[Call]:
        spread = any(each.type == "spread_element" for each in arguments)
        given = arguments[place] if len(arguments) > place else None
        properties: dict[str, Any] = {}
        places: dict[str, Any] = {}
        partial = spread
        if given is not None:
            literal = bare(given)
            if literal.type == "object":
                properties, places, partial = self.file.pairs(literal)
                properties = {key: self._value(literal, key, value) for key, value in properties.items()}
            elif literal.type not in ("undefined", "null"):
                partial = True
        for event in events:
            yield Call(event, self.file.place(node), via, properties, partial or spread, places)

    def _value(self, literal: Node, key: str, value: Any) -> Any:
        """A property's value, with constants of other files put in."""
        if value is not UNKNOWN:
            return value
        for child in literal.named_children:
            name, inner = child.child_by_field_name("key"), child.child_by_field_name("value")
            if child.type == "pair" and name is not None and inner is not None and text(name).strip("'\"") == key:
                return self._imported(bare(inner))
        return UNKNOWN

    def _events(self, arguments: list[Node], place: int) -> list[str | None]:
        """The names that an argument may be; both of a condition."""
        if len(arguments) <= place or any(each.type == "spread_element" for each in arguments[: place + 1]):
            return [None]
        return self._names(bare(arguments[place]))

    def _names(self, node: Node) -> list[str | None]:
        if node.type == "ternary_expression":
            parts = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
            return [name for part in parts if part is not None for name in self._names(bare(part))]
        value = self.file.value(node)
        if value is UNKNOWN:
            value = self._imported(node)
        return [value if isinstance(value, str) else None]

    def _imported(self, node: Node) -> Any:
        """The value of a constant, or of a member of an enum or object, that another scanned file exports."""
        if node.type == "identifier":
            owner, member = text(node), ""
        elif node.type == "member_expression":
            owner, _, member = text(node).partition(".")
        else:
            return UNKNOWN
        if owner not in self.file.imports:
            return UNKNOWN
        module, exported = self.file.imports[owner]
        other = self.files.get(self._file_of(module) or "") if module.startswith(".") else None
        if other is None:
            return UNKNOWN
        if exported == "*":
            exported, _, member = member.partition(".")
        if member:
            return other.member(exported, member)
        bound = other.once(exported)
        return other.value(bound[0]) if bound is not None and not bound[1] else UNKNOWN


def _is_class(annotation: str) -> bool:
    """Whether a type is one of the classes that send events: `Analytics`, `Tracker | null`, `Tracker<void>`."""
    names = {part.strip().partition("<")[0].rpartition(".")[2] for part in annotation.split("|")}
    return not CLASSES.isdisjoint(names)
