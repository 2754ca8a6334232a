"""
Calls that send events, in Python: of a `Tracker`, of a wrapper named in plan.yaml, of a generated client.

What a `Tracker` is, follows from imports, assignments, annotations, `with`, attributes of classes and the return
types of functions, across all files that are scanned (`python_types`).
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model import CodeCoverage, Place, Wrapper
from .calls import UNKNOWN, Call, Scan
from .python_index import Index, Module, Symbol, function_scope, is_tracker
from .python_types import Reader

ENVELOPE = frozenset({"user_id", "anonymous_id", "session_id", "timestamp", "context", "integrations", "message_id"})
TRACK = Wrapper(call="Tracker.track", event="event", properties="properties")


@dataclass
class Generated:
    """A function of a generated client: the event it sends, and which argument is which property."""

    event: str
    properties: Mapping[str, str] = field(default_factory=dict)


def scan_python(files: Iterable[tuple[Path, Path, bytes]], settings: CodeCoverage, found: Scan) -> None:
    """Add the calls in these files (path, root, content) to what was found."""
    modules = []
    for path, root, content in files:
        try:
            modules.append(Module.parse(path, root, content))
        except SyntaxError as error:
            place = Place(file=str(path), line=error.lineno or 1, column=max(error.offset or 1, 1))
            found.unreadable.append((place, f"this is not Python: {error.msg}"))
        except (ValueError, RecursionError, MemoryError) as error:
            why = "nested too deeply" if not isinstance(error, ValueError) else str(error)
            found.unreadable.append((Place(file=str(path), line=1, column=1), f"this cannot be read: {why}"))
    index = Index(modules)
    wrappers = {index.symbol(wrapper.call): wrapper for wrapper in settings.wrappers}
    generated = {symbol: each for module in modules if module.generated for symbol, each in _generated(module)}
    for module in modules:
        if not module.generated:
            found.calls += _Calls(index, module, wrappers, generated).found()


def _generated(module: Module) -> Iterator[tuple[Symbol, Generated]]:
    """The functions of a generated client, read from what they send."""
    for name, function in module.functions.items():
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "track":
                event = node.args[0] if node.args else None
                if isinstance(event, ast.Constant) and isinstance(event.value, str):
                    yield (str(module.path), name), Generated(event.value, _arguments(function))


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    """Argument to the property it is sent as."""
    own = {argument.arg for argument in function.args.kwonlyargs}
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                names = [each.id for each in ast.walk(value) if isinstance(each, ast.Name) and each.id in own]
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and names:
                    found[names[-1]] = key.value
    return found


class _Calls(ast.NodeVisitor):
    """Walks one module with the scope that each call sees."""

    def __init__(
        self,
        index: Index,
        module: Module,
        wrappers: Mapping[Symbol, Wrapper],
        generated: Mapping[Symbol, Generated],
    ) -> None:
        self.module = module
        self.reader = Reader(index, module)
        self.wrappers = wrappers
        self.generated = generated
        self.scope = module.scope
        self.names: list[str] = []
        self.calls: list[Call] = []

    def found(self) -> list[Call]:
        """The calls of the module."""
        # An expression of thousands of parts ends the walk; what was found until there stands.
        with contextlib.suppress(RecursionError):
            self.visit(self.module.tree)
        return self.calls

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        outer, self.names = self.scope, [*self.names, node.name]
        if (str(self.module.path), ".".join(self.names)) not in self.wrappers:
            # The scope of a class is not seen from its methods.
            in_class = any(outer is each for each in self.module.classes.values())
            parent = (outer.parent or self.module.scope) if in_class else outer
            self.scope = function_scope(node, parent, outer.cls)
            for statement in node.body:
                self.visit(statement)
        self.scope, self.names = outer, self.names[:-1]

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        outer, self.scope = self.scope, function_scope(node, self.scope, self.scope.cls)
        self.visit(node.body)
        self.scope = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.names = self.scope, [*self.names, node.name]
        self.scope = self.module.classes.get(".".join(self.names), outer)
        self.scope.parent = self.scope.parent or (outer if outer is not self.scope else None)
        self.generic_visit(node)
        self.scope, self.names = outer, self.names[:-1]

    def visit_Call(self, node: ast.Call) -> None:
        via = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
        if via:
            self._call(node, via)
        self.generic_visit(node)

    def _call(self, node: ast.Call, via: str) -> None:
        symbol = self.reader.symbol(node.func, self.scope)
        if symbol is None:
            return
        if symbol in self.wrappers:
            self.calls += self._wrapped(node, via, self.wrappers[symbol])
        elif symbol in self.generated:
            self.calls.append(self._of_client(node, via, self.generated[symbol]))
        elif symbol[1].endswith(".track") and is_tracker((symbol[0], symbol[1].removesuffix(".track"))):
            self.calls += self._wrapped(node, via, Wrapper(call=via, event=0, properties=1), TRACK)

    # ── arguments ────────────────────────────────────────────────────────────

    def _wrapped(self, node: ast.Call, via: str, wrapper: Wrapper, by_name: Wrapper | None = None) -> Iterator[Call]:
        event = _argument(node, wrapper.event) or (_argument(node, by_name.event) if by_name else None)
        if wrapper.properties == "**":
            properties, places, partial = self._keywords(node, wrapper.event)
        else:
            given = _argument(node, wrapper.properties) or (_argument(node, by_name.properties) if by_name else None)
            properties, places, partial = self._properties(given)
            partial = partial or (given is None and _is_spread(node))
        for name in self._events(event):
            yield Call(name, self._place(node), via, properties, partial, places)

    def _events(self, node: ast.expr | None) -> list[str | None]:
        """The names that an argument may be; both of a condition."""
        if isinstance(node, ast.IfExp):
            return [*self._events(node.body), *self._events(node.orelse)]
        value = self.reader.value(node, self.scope) if node is not None else UNKNOWN
        return [value if isinstance(value, str) else None]

    def _properties(self, node: ast.expr | None) -> tuple[dict[str, Any], dict[str, Place], bool]:
        """Properties, their places, and whether there may be more."""
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return {}, {}, False
        if isinstance(node, ast.Dict):
            return self._pairs(zip(node.keys, node.values, strict=True))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            pairs = [(ast.Constant(each.arg) if each.arg else None, each.value) for each in node.keywords]
            return self._pairs(pairs)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            left, right = self._properties(node.left), self._properties(node.right)
            return left[0] | right[0], left[1] | right[1], left[2] or right[2]
        if isinstance(node, ast.Name):
            bindings = self.scope.find(node.id) or []
            if len(bindings) == 1 and isinstance(bindings[0].value, ast.Dict):
                found, places, _ = self._properties(bindings[0].value)
                return found, places, True  # more may be put into it before it is sent
        return {}, {}, True

    def _pairs(
        self, pairs: Iterable[tuple[ast.expr | None, ast.expr]]
    ) -> tuple[dict[str, Any], dict[str, Place], bool]:
        found: dict[str, Any] = {}
        places: dict[str, Place] = {}
        partial = False
        for key, value in pairs:
            name = self.reader.value(key, self.scope) if key is not None else UNKNOWN
            if isinstance(name, str):
                found[name] = self.reader.value(value, self.scope)
                places[name] = self._place(key if key is not None and hasattr(key, "lineno") else value)
            elif key is None and isinstance(value, ast.Dict):
                inner = self._properties(value)
                found, places, partial = found | inner[0], places | inner[1], partial or inner[2]
            else:
                partial = True
        return found, places, partial

    def _keywords(self, node: ast.Call, event: int | str) -> tuple[dict[str, Any], dict[str, Place], bool]:
        taken = {event, *ENVELOPE}
        given = [each for each in node.keywords if each.arg is not None and each.arg not in taken]
        values = {str(each.arg): self.reader.value(each.value, self.scope) for each in given}
        return values, {str(each.arg): self._place(each) for each in given}, _is_spread(node)

    def _of_client(self, node: ast.Call, via: str, client: Generated) -> Call:
        values, places, partial = self._keywords(node, "tracker")
        names = {argument: client.properties.get(argument, argument) for argument in values}
        # None leaves a property out, unless null is a value of it: which it is, the client's types say.
        properties = {names[key]: UNKNOWN if value is None else value for key, value in values.items()}
        properties.pop("other_properties", None)
        partial = partial or "other_properties" in values
        return Call(
            client.event, self._place(node), via, properties, partial, {names[key]: places[key] for key in values}
        )

    def _place(self, node: ast.expr | ast.keyword) -> Place:
        return Place(file=str(self.module.path), line=node.lineno, column=node.col_offset + 1)


def _argument(node: ast.Call, which: int | str) -> ast.expr | None:
    if isinstance(which, str):
        return next((each.value for each in node.keywords if each.arg == which), None)
    before: Sequence[ast.expr] = node.args[: which + 1]
    if len(before) <= which or any(isinstance(each, ast.Starred) for each in before):
        return None
    return before[which]


def _is_spread(node: ast.Call) -> bool:
    return any(each.arg is None for each in node.keywords) or any(isinstance(each, ast.Starred) for each in node.args)
