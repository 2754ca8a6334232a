"""What an expression is: which symbol, an instance of which class, which constant."""

from __future__ import annotations

import ast
from typing import Any

from .calls import UNKNOWN
from .python_index import DEEPEST, Binding, Index, Module, Scope, Symbol, is_tracker


class Reader:
    """Reads the expressions of one module."""

    def __init__(self, index: Index, module: Module) -> None:
        self.index = index
        self.module = module

    # ── symbols ────────────────────────────────────────────────────────────

    def symbol(self, node: ast.expr, scope: Scope, steps: int = 0) -> Symbol | None:
        """The symbol that a name or an attribute stands for, through imports and `x = y`; None for a value."""
        if steps > DEEPEST:
            return None
        if isinstance(node, ast.Name):
            return self._name(node.id, scope, steps)
        if isinstance(node, ast.Attribute):
            owner = self.type_of(node.value, scope, steps + 1)
            if owner is not None:
                return (owner[0], f"{owner[1]}.{node.attr}")
            base = self.symbol(node.value, scope, steps + 1)
            if base is None:
                return None
            return self._joined(base, node.attr)
        return None

    def _joined(self, base: Symbol, name: str) -> Symbol:
        path, inside = base
        module = self.index.modules.get(path)
        if module is None:
            return self.index.symbol(f"{inside}.{name}")
        return self.index.inside(module, f"{inside}.{name}" if inside else name)

    def _name(self, name: str, scope: Scope, steps: int) -> Symbol | None:
        bindings = scope.find(name)
        if bindings is None:
            return self.index.inside(self.module, name)
        if bindings is self.module.scope.names.get(name):
            values = [binding.value for binding in bindings]
            if len(values) == 1 and isinstance(values[0], ast.Name | ast.Attribute):
                return self.symbol(values[0], self.module.scope, steps + 1)
            return (str(self.module.path), name)
        if len(bindings) == 1 and isinstance(value := bindings[0].value, ast.Name | ast.Attribute):
            return self.symbol(value, scope, steps + 1) if value is not None else None
        return None

    # ── types ────────────────────────────────────────────────────────────

    def type_of(self, node: ast.expr, scope: Scope, steps: int = 0) -> Symbol | None:
        """The class that a value is an instance of, as far as annotations and assignments tell."""
        if steps > DEEPEST:
            return None
        if isinstance(node, ast.Name):
            if node.id in ("self", "cls") and scope.cls:
                return (str(self.module.path), scope.cls)
            bindings = scope.find(node.id)
            if bindings is not None:
                return self._of_bindings(bindings, scope, steps)
            return self._of_symbol(self.symbol(node, scope, steps + 1), steps)
        if isinstance(node, ast.Attribute):
            owner = self.type_of(node.value, scope, steps + 1)
            if owner is not None:
                return self._of_attribute(owner, node.attr, steps)
            return self._of_symbol(self.symbol(node, scope, steps + 1), steps)
        if isinstance(node, ast.Call):
            return self._of_call(node, scope, steps)
        for part in _branches(node):
            found = self.type_of(part, scope, steps + 1)
            if found is not None:
                return found
        return None

    def _of_bindings(self, bindings: list[Binding], scope: Scope, steps: int) -> Symbol | None:
        for binding in bindings:
            found = self.annotated(binding.annotation, scope, steps + 1) if binding.annotation is not None else None
            if found is None and binding.value is not None:
                found = self.type_of(
                    binding.value, scope.parent or scope if _names_itself(binding, scope) else scope, steps + 1
                )
            if found is not None:
                return found
        return None

    def _of_symbol(self, symbol: Symbol | None, steps: int) -> Symbol | None:
        """The type of a variable that lives in another module, or in this one's top level."""
        if symbol is None or symbol[0] not in self.index.modules:
            return None
        module = self.index.modules[symbol[0]]
        bindings = module.scope.names.get(symbol[1])
        if bindings is None:
            return None
        return Reader(self.index, module)._of_bindings(bindings, module.scope, steps + 1)

    def _of_attribute(self, owner: Symbol, attribute: str, steps: int) -> Symbol | None:
        module = self.index.modules.get(owner[0])
        scope = module.classes.get(owner[1]) if module is not None else None
        if module is None or scope is None or attribute not in scope.names:
            return None
        return Reader(self.index, module)._of_bindings(scope.names[attribute], module.scope, steps + 1)

    def _of_call(self, node: ast.Call, scope: Scope, steps: int) -> Symbol | None:
        symbol = self.symbol(node.func, scope, steps + 1)
        if symbol is None:
            return None
        module = self.index.modules.get(symbol[0])
        if is_tracker(symbol) or (module is not None and symbol[1] in module.classes):
            return symbol
        function = module.functions.get(symbol[1]) if module is not None else None
        if module is None or function is None or function.returns is None:
            return None
        return Reader(self.index, module).annotated(function.returns, module.scope, steps + 1)

    def annotated(self, node: ast.expr, scope: Scope, steps: int = 0) -> Symbol | None:
        """The class that an annotation names: `Tracker`, `"Tracker"`, `Tracker | None`, `Optional[Tracker]` …"""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                return self.annotated(ast.parse(node.value, mode="eval").body, scope, steps + 1)
            except (SyntaxError, ValueError, RecursionError):
                return None
        if isinstance(node, ast.BinOp):
            return self.annotated(node.left, scope, steps + 1) or self.annotated(node.right, scope, steps + 1)
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            return self.annotated(inner, scope, steps + 1)
        symbol = self.symbol(node, scope, steps + 1)
        if symbol is None:
            return None
        module = self.index.modules.get(symbol[0])
        known = is_tracker(symbol) or (module is not None and symbol[1] in module.classes)
        return symbol if known else None

    # ── constants ────────────────────────────────────────────────────────────

    def value(self, node: ast.expr, scope: Scope, steps: int = 0) -> Any:
        """What a literal or a constant is, as JSON would have it; UNKNOWN, whole or in parts, if it is neither."""
        if steps > DEEPEST:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str | int | float | None) else UNKNOWN
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self.value(node.operand, scope, steps + 1)
            return -number if isinstance(number, int | float) else UNKNOWN
        if isinstance(node, ast.JoinedStr):
            parts = [self.value(part, scope, steps + 1) for part in node.values]
            return "".join(parts) if all(isinstance(part, str) for part in parts) else UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = (self.value(part, scope, steps + 1) for part in (node.left, node.right))
            return left + right if isinstance(left, str) and isinstance(right, str) else UNKNOWN
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            if any(isinstance(each, ast.Starred) for each in node.elts):
                return UNKNOWN
            return [self.value(each, scope, steps + 1) for each in node.elts]
        if isinstance(node, ast.Dict):
            return self._dict(node, scope, steps)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._constant(node, scope, steps)
        return UNKNOWN

    def _dict(self, node: ast.Dict, scope: Scope, steps: int) -> Any:
        keys = [UNKNOWN if key is None else self.value(key, scope, steps + 1) for key in node.keys]
        if not all(isinstance(key, str) for key in keys):
            return UNKNOWN
        return {key: self.value(each, scope, steps + 1) for key, each in zip(keys, node.values, strict=True)}

    def _constant(self, node: ast.Name | ast.Attribute, scope: Scope, steps: int) -> Any:
        """The value of a name that is bound once: here, in another module, in a class, in an Enum."""
        if isinstance(node, ast.Name) and (bindings := scope.find(node.id)) is not None:
            return self._once(bindings, scope, steps)
        if isinstance(node, ast.Attribute) and node.attr == "value" and isinstance(node.value, ast.Attribute):
            member = self._constant(node.value, scope, steps + 1)
            if member is not UNKNOWN:
                return member
        symbol = self.symbol(node, scope, steps + 1)
        module = self.index.modules.get(symbol[0]) if symbol else None
        if symbol is None or module is None:
            return UNKNOWN
        cls, _, name = symbol[1].rpartition(".")
        where = module.classes.get(cls) if cls else module.scope
        found = where.names.get(name) if where is not None else None
        if found is None or where is None:
            return UNKNOWN
        return Reader(self.index, module)._once(found, module.scope, steps)

    def _once(self, bindings: list[Binding], scope: Scope, steps: int) -> Any:
        value = bindings[0].value if len(bindings) == 1 else None
        # A list or dict may be changed after it is bound; texts and numbers are what they are.
        if value is None or isinstance(value, ast.Dict | ast.List | ast.Set):
            return UNKNOWN
        return self.value(value, scope, steps + 1)


def _names_itself(binding: Binding, scope: Scope) -> bool:
    """Whether a binding's value uses a name that it binds itself, as in `tracker = tracker or default`."""
    if binding.value is None:
        return False
    used = {node.id for node in ast.walk(binding.value) if isinstance(node, ast.Name)}
    return any(name in used and binding in bindings for name, bindings in scope.names.items())


def _branches(node: ast.expr) -> list[ast.expr]:
    """The parts that a value may be: both sides of `or`, both of a condition, what is awaited."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Await | ast.NamedExpr):
        return [node.value]
    return []
