"""
Typed reading of YAML nodes that collects every problem instead of stopping at the first.

    file ─ read_file ─▶ node ─ Reader.mapping / text / integer … ─▶ values
                                        └▶ Problem(file, line, column, message, hint)

Refused: unknown and repeated keys, `no` that means false, dates and numbers in disguise, foreign tags.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import Problem
from ..model import Place
from ..near import did_you_mean, listed

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CORE = "tag:yaml.org,2002:"
_LONGEST_NAME = 200


_STR = f"{_CORE}str"


@lru_cache(maxsize=20_000)
def _is_name(text: str) -> bool:
    """Whether nothing is wrong with a name; most names of a plan are read many times."""
    return bool(text) and text == text.strip() and len(text) <= _LONGEST_NAME and not _CONTROL.search(text)


class Reader:
    """Reads the nodes of one file; what is wrong goes to `problems`, the caller gets None or a default."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems

    def place(self, node: Node) -> Place:
        """Where a node begins."""
        return Place(file=self.file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)

    def problem(self, node: Node, message: str, hint: str = "") -> None:
        """Something is wrong at a node."""
        place = self.place(node)
        self.problems.append(Problem(place.file, place.line, place.column, message, hint))

    def mapping(self, node: Node, what: str, known: Iterable[str], required: Iterable[str] = ()) -> dict[str, Node]:
        """A mapping with these keys and no others; `what` names it in messages."""
        keys = list(known)
        found = {}
        for key, (key_node, value) in self.named(node, what).items():
            if key in keys:
                found[key] = value
            else:
                hint = f"Known keys: {listed(sorted(keys), 40)}."
                self.problem(key_node, f"{what} has no key `{key}`.{did_you_mean(key, keys)}", hint)
        if isinstance(node, MappingNode):
            for key in required:
                if key not in found:
                    self.problem(node, f"{what} needs the key `{key}`.", f"Write `{key}: …`.")
        return found

    def named(self, node: Node, what: str) -> dict[str, tuple[Node, Node]]:
        """A mapping with names of any kind as keys: name to (node of the name, node of the value)."""
        if not isinstance(node, MappingNode) or node.tag != f"{_CORE}map":
            self.problem(node, f"{what} must be a mapping, not {_called(node)}.", "Write `key: value` lines.")
            return {}
        found: dict[str, tuple[Node, Node]] = {}
        for key_node, value in node.value:
            key = self.name(key_node, f"a key of {what}")
            if key is None:
                continue
            if key in found:
                first = found[key][0].start_mark.line + 1
                self.problem(key_node, f"{what} has the key `{key}` twice; the first is in line {first}.")
                continue
            found[key] = key_node, value
        return found

    def name(self, node: Node, what: str) -> str | None:
        """Text on one line that is not a disguised number, date or truth value."""
        if type(node) is ScalarNode and node.tag == _STR and _is_name(node.value):
            return str(node.value)
        name = self.text(node, what, strict=True)
        if name is None:
            return None
        if not name or name != name.strip():
            self.problem(
                node,
                f"{what} is empty, or begins or ends with a space.",
                "Remove the space, or write a name.",
            )
        elif len(name) > _LONGEST_NAME:
            self.problem(node, f"{what} has {len(name)} characters; a name may have {_LONGEST_NAME}.")
        elif _CONTROL.search(name):
            self.problem(node, f"{what} holds a control character or a line break.", "Write the name on one line.")
        else:
            return name
        return None

    def text(self, node: Node, what: str, *, strict: bool = False) -> str | None:
        """Text; unless `strict`, also what YAML takes for a number or date, as it is written."""
        if not isinstance(node, ScalarNode):
            self.problem(node, f"{what} must be text, not {_called(node)}.")
            return None
        tag = node.tag.removeprefix(_CORE)
        if tag == "null" or tag not in ("str", "int", "float", "bool", "timestamp", "merge", "value"):
            self.problem(node, f"{what} must be text, not {_called(node)}.", "Write text, or leave the key out.")
            return None
        if strict and tag != "str":
            hint = f'Write it in quotes: "{node.value}".'
            self.problem(node, f"YAML reads `{node.value}` as a {_TAG_NAMES.get(tag, tag)}, not as text: {what}.", hint)
            return None
        return str(node.value)

    def one_of(self, node: Node, what: str, known: Collection[str]) -> str | None:
        """One of a few words."""
        word = self.text(node, what)
        if word is None or word in known:
            return word
        hint = f"Known: {', '.join(known)}."
        self.problem(
            node,
            f"{what} is `{word}`, which the plan language does not know.{did_you_mean(word, known)}",
            hint,
        )
        return None

    def boolean(self, node: Node, what: str) -> bool:
        """`true` or `false`, and none of the other words YAML 1.1 has for them."""
        if isinstance(node, ScalarNode) and not node.style and node.value in ("true", "false"):
            return bool(node.value == "true")
        self.problem(node, f"{what} must be true or false, not {_called(node)}.", "Write `true` or `false`.")
        return False

    def integer(self, node: Node, what: str, least: int | None = None) -> int | None:
        """A whole number in decimal digits, not below `least`."""
        value = self.number(node, what)
        if value is None:
            return None
        if not isinstance(value, int) or (least is not None and value < least):
            kind = "a whole number" + (f" of at least {least}" if least is not None else "")
            self.problem(node, f"{what} must be {kind}, not {_called(node)}.")
            return None
        return value

    def number(self, node: Node, what: str) -> int | float | None:
        """A number in decimal digits."""
        if isinstance(node, ScalarNode) and not node.style and len(node.value) <= 400:
            if _INTEGER.fullmatch(node.value):
                return int(node.value)
            if _NUMBER.fullmatch(node.value) and abs(value := float(node.value)) != float("inf"):
                return value
        self.problem(node, f"{what} must be a number, not {_called(node)}.", "Write decimal digits, such as 10 or 0.5.")
        return None

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, SequenceNode) or node.tag != f"{_CORE}seq":
            hint = (
                f"Write `[{node.value}]`."
                if isinstance(node, ScalarNode) and node.value
                else "Write `- …` lines or `[…]`."
            )
            self.problem(node, f"{what} must be a list, not {_called(node)}.", hint)
            return []
        return list(node.value)

    def names(self, node: Node, what: str) -> tuple[str, ...]:
        """A list of names, each once."""
        found: list[str] = []
        for item in self.items(node, what):
            name = self.name(item, f"a name in {what}")
            if name is not None and name in found:
                self.problem(item, f"{what} names `{name}` twice.")
            elif name is not None:
                found.append(name)
        return tuple(found)

    def data(self, node: Node, what: str) -> Any:
        """A node as JSON would have it; dates stay text, because JSON has no dates."""
        if isinstance(node, MappingNode):
            return {key: self.data(value, what) for key, (_, value) in self.named(node, what).items()}
        if isinstance(node, SequenceNode):
            return [self.data(item, what) for item in node.value]
        return self.scalar(node, what)

    def scalar(self, node: Node, what: str) -> Any:
        """Text, a number, true, false or null."""
        tag = node.tag.removeprefix(_CORE) if isinstance(node, ScalarNode) else ""
        if tag in ("str", "timestamp"):
            return node.value
        if tag == "null":
            return None
        if tag == "bool":
            return self.boolean(node, what)
        if tag in ("int", "float"):
            return self.number(node, what)
        self.problem(node, f"{what} must be text, a number, true, false or null, not {_called(node)}.")
        return None


_TAG_NAMES = {"int": "number", "float": "number", "bool": "truth value", "timestamp": "date", "null": "null"}


def _called(node: Node) -> str:
    if not node.tag.startswith(_CORE) or "python/" in node.tag:
        return f"a value with the tag `{node.tag}`"
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.tag == f"{_CORE}null":
        return "nothing"
    value = str(node.value)
    return f"`{value if len(value) <= 40 else value[:39] + '…'}`"
