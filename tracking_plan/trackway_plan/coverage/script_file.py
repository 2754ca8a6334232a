"""One JavaScript or TypeScript file, parsed: its imports, what its names are bound to, and what its literals say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from ..model import Place
from .calls import UNKNOWN

DEEPEST = 25
_TYPESCRIPT = frozenset({".ts", ".mts", ".cts"})
_WRAPPED = frozenset(
    {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "await_expression"}
)
ABSENT: Any = object()
"""What `undefined` is: JSON leaves such a property out."""


@cache
def _parser(dialect: str) -> Parser:
    language = tree_sitter_typescript.language_typescript if dialect == "ts" else tree_sitter_typescript.language_tsx
    return Parser(Language(language()))


@dataclass
class ScriptFile:
    """A parsed file. Names are those of the whole file: one that is bound twice is not followed."""

    path: Path
    content: bytes
    root: Node
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Local name to (module as written, exported name; "default" or "*")."""
    bindings: dict[str, list[tuple[Node | None, str]]] = field(default_factory=dict)
    """Name to (value, member of it that was taken out)."""
    types: dict[str, str] = field(default_factory=dict)
    """Name to the type it is annotated with."""
    enums: dict[str, Node] = field(default_factory=dict)

    @classmethod
    def parse(cls, path: Path, content: bytes) -> ScriptFile:
        """Never fails: what is not the language becomes error nodes, which `first_error` finds."""
        # TSX takes JSX and all of JavaScript; only a `<T>value` cast needs plain TypeScript.
        tree = _parser("ts" if path.suffix.lower() in _TYPESCRIPT else "tsx").parse(content)
        found = cls(path, content, tree.root_node)
        for node in walk(tree.root_node):
            found._collect(node)
        return found

    def place(self, node: Node) -> Place:
        """Where a node begins; the column counts characters."""
        row, byte = node.start_point
        before = self.content[node.start_byte - byte : node.start_byte].decode("utf-8", "replace")
        return Place(file=str(self.path), line=row + 1, column=len(before) + 1)

    def first_error(self) -> Node | None:
        """The first place that is not the language."""
        if not self.root.has_error:
            return None
        return next((node for node in walk(self.root) if node.is_error or node.is_missing), self.root)

    # ── names ────────────────────────────────────────────────────────────

    def _collect(self, node: Node) -> None:
        if node.type == "import_statement":
            self._import(node)
        elif node.type == "variable_declarator":
            self._bind(node.child_by_field_name("name"), node.child_by_field_name("value"), node)
        elif node.type in ("required_parameter", "optional_parameter"):
            self._bind(node.child_by_field_name("pattern"), None, node)
        elif node.type == "public_field_definition":
            name = node.child_by_field_name("name")
            if name is not None and (annotation := _annotation(node)):
                self.types[f"this.{text(name)}"] = annotation
        elif node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            if left is not None and left.type == "identifier":
                self.bindings.setdefault(text(left), []).append((node.child_by_field_name("right"), ""))
        elif node.type == "enum_declaration":
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if name is not None and body is not None:
                self.enums[text(name)] = body

    def _import(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        if source is None:
            return
        module = string(source)
        for part in walk(node):
            if part.type == "import_clause":
                for child in part.named_children:
                    if child.type == "identifier":
                        self.imports[text(child)] = module, "default"
            elif part.type == "namespace_import":
                self.imports[text(part.named_children[0])] = module, "*"
            elif part.type == "import_specifier":
                name, alias = part.child_by_field_name("name"), part.child_by_field_name("alias")
                if name is not None:
                    self.imports[text(alias or name)] = module, text(name)

    def _bind(self, target: Node | None, value: Node | None, declaration: Node) -> None:
        if target is None:
            return
        if target.type == "identifier":
            self.bindings.setdefault(text(target), []).append((value, ""))
            if annotation := _annotation(declaration):
                self.types[text(target)] = annotation
        elif target.type == "object_pattern":
            for child in target.named_children:
                if child.type == "shorthand_property_identifier_pattern":
                    self.bindings.setdefault(text(child), []).append((value, text(child)))
                elif child.type == "pair_pattern":
                    key, local = child.child_by_field_name("key"), child.child_by_field_name("value")
                    if key is not None and local is not None and local.type == "identifier":
                        self.bindings.setdefault(text(local), []).append((value, text(key)))

    def once(self, name: str) -> tuple[Node, str] | None:
        """What a name is bound to, if it is bound once."""
        found = self.bindings.get(name, [])
        if len(found) == 1 and (value := found[0][0]) is not None:
            return value, found[0][1]
        return None

    # ── literals ────────────────────────────────────────────────────────────

    def value(self, node: Node, steps: int = 0) -> Any:
        """What a literal or constant of this file is, as JSON would have it; UNKNOWN if it is neither."""
        node = bare(node)
        if steps > DEEPEST:
            return UNKNOWN
        if node.type == "string":
            return string(node)
        if node.type == "template_string":
            return UNKNOWN if any(c.type == "template_substitution" for c in node.children) else string(node)
        if node.type in ("true", "false", "null", "number"):
            return _number(text(node)) if node.type == "number" else json.loads(text(node))
        if node.type == "undefined":
            return ABSENT
        if node.type == "unary_expression" and text(node)[:1] == "-":
            number = self.value(node.named_children[-1], steps + 1)
            return -number if isinstance(number, int | float) else UNKNOWN
        if node.type == "binary_expression" and (operator := node.child_by_field_name("operator")) is not None:
            parts = [self.value(each, steps + 1) for each in node.named_children]
            known = text(operator) == "+" and all(isinstance(part, str) for part in parts)
            return "".join(parts) if known else UNKNOWN
        if node.type == "array":
            items = [self.value(each, steps + 1) for each in node.named_children if each.type != "comment"]
            spread = any(each.type == "spread_element" for each in node.named_children)
            return UNKNOWN if spread else [None if item is ABSENT else item for item in items]
        if node.type == "object":
            found, _, partial = self.pairs(node, steps + 1)
            return UNKNOWN if partial else found
        if node.type == "identifier" and (bound := self.once(text(node))) is not None and not bound[1]:
            return self._constant(bound[0], steps)
        if node.type == "member_expression":
            return self._member(node, steps)
        return UNKNOWN

    def _constant(self, node: Node, steps: int) -> Any:
        # An object may be changed after it is bound; texts and numbers are what they are.
        return UNKNOWN if bare(node).type in ("object", "array") else self.value(node, steps + 1)

    def _member(self, node: Node, steps: int) -> Any:
        owner, name = node.child_by_field_name("object"), node.child_by_field_name("property")
        if owner is None or name is None or owner.type != "identifier":
            return UNKNOWN
        return self.member(text(owner), text(name), steps)

    def member(self, owner: str, name: str, steps: int = 0) -> Any:
        """The value of a member of an enum or of an object that is a constant of this file."""
        for entry in self.enums[owner].named_children if owner in self.enums else ():
            key, value = entry.child_by_field_name("name"), entry.child_by_field_name("value")
            if key is not None and value is not None and text(key) == name:
                return self.value(value, steps + 1)
        bound = self.once(owner)
        if bound is None or bound[1] or bare(bound[0]).type != "object":
            return UNKNOWN
        return self.pairs(bare(bound[0]), steps + 1)[0].get(name, UNKNOWN)

    def pairs(self, node: Node, steps: int = 0) -> tuple[dict[str, Any], dict[str, Place], bool]:
        """The properties of an object literal, their places, and whether there may be more."""
        found: dict[str, Any] = {}
        places: dict[str, Place] = {}
        partial = False
        for child in node.named_children:
            if child.type == "shorthand_property_identifier":
                found[text(child)] = UNKNOWN
                bound = self.once(text(child))
                if bound is not None and not bound[1]:
                    found[text(child)] = self._constant(bound[0], steps)
                places[text(child)] = self.place(child)
            elif child.type == "pair":
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                name = self._key(key, steps)
                if name is None or value is None:
                    partial = True
                    continue
                found[name] = self.value(value, steps + 1)
                places[name] = self.place(child)
            elif child.type == "method_definition":
                continue  # JSON leaves functions out
            elif child.type != "comment":
                partial = True
        return {name: value for name, value in found.items() if value is not ABSENT}, places, partial

    def _key(self, node: Node | None, steps: int) -> str | None:
        if node is None:
            return None
        if node.type == "computed_property_name":
            value = self.value(node.named_children[0], steps + 1)
            return value if isinstance(value, str) else None
        return string(node) if node.type == "string" else text(node)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text; without recursion, for files that nest deeply."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(reversed(each.children))


def bare(node: Node) -> Node:
    """The expression inside brackets, casts, `!` and `await`."""
    while node.type in _WRAPPED and node.named_children:
        node = node.named_children[0]
    return node


def text(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode("utf-8", "replace")


def string(node: Node) -> str:
    """What a string or a template without substitutions says, escapes read."""
    parts = []
    for child in node.named_children:
        if child.type == "string_fragment":
            parts.append(text(child))
        elif child.type == "escape_sequence":
            parts.append(_escape(text(child)))
    return "".join(parts)


def _escape(sequence: str) -> str:
    inner = sequence[1:]
    simple = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
    if inner in simple:
        return simple[inner]
    if inner[:1] in ("x", "u"):
        try:
            return chr(int(inner[1:].strip("{}"), 16))
        except (ValueError, OverflowError):
            return sequence
    return inner


def _number(source: str) -> Any:
    plain = source.replace("_", "")
    try:
        value = float(plain) if plain[:2].lower() not in ("0x", "0o", "0b") else float(int(plain, 0))
    except (ValueError, OverflowError):
        return UNKNOWN
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _annotation(node: Node) -> str:
    annotation = node.child_by_field_name("type")
    return text(annotation).lstrip(": ").strip() if annotation is not None else ""
