"""
One YAML file as nodes that know their line and column, and typed reading of them that collects every problem.

    file ─ read_file ─▶ node ─ Reader.mapping / text / integer … ─▶ values
                                        └▶ Problem(file, line, column, message, hint)

The C parser composes nodes; nothing is ever constructed from a tag. What makes YAML treacherous is refused:
anchors and aliases (a bomb in 300 bytes), tabs, duplicate keys, `no` that means false, dates and numbers in
disguise, very large files, and nesting so deep that the parser would end the process.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .errors import Problem
from .model import Place
from .near import did_you_mean, listed

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 64

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml reads the same, more slowly
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CORE = "tag:yaml.org,2002:"
_LONGEST_NAME = 200


def read_file(path: Path, file: str, problems: list[Problem]) -> Node | None:
    """The root node of a YAML file, or None and a problem that says why there is none."""
    try:
        return _parsed(_text(path))
    except _Refused as why:
        problems.append(Problem(file, *why.where, str(why), why.hint))
        return None


def _text(path: Path) -> str:
    content = b""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            hint = "Split it: one event per file, shared properties in groups/, shared types in types.yaml."
            message = f"the file has {size:,} bytes; a plan file may have {MAX_FILE_BYTES:,}."
            raise _Refused(message, hint)
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        where = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise _Refused("this is not UTF-8 text.", "Save the file as UTF-8.", *where) from error  # noqa: EM101
    except OSError as error:
        raise _Refused(f"the file cannot be read: {error.strerror}.") from error  # noqa: EM102
    if tab := _TAB_INDENT.search(text):
        where = text.count("\n", 0, tab.start()) + 1, tab.end() - tab.start()
        raise _Refused("a tab in the indentation.", "Indent with spaces.", *where)  # noqa: EM101
    return text


def _parsed(text: str) -> Node:
    try:
        # Reading the parser's events costs half as much again: only where the text gives reason.
        if not _harmless(text):
            _refuse_treacherous(text)
        node: Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _Refused(f"this is not YAML: {_syntax(error)}.", _syntax_hint(error), *where) from error  # noqa: EM102
    except yaml.reader.ReaderError as error:
        found = _UNPRINTABLE.search(text)
        at = found.start() if found else 0
        message = f"the character U+{ord(text[at]):04X} may not stand in YAML."
        where = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _Refused(message, "Remove it.", *where) from error
    if node is None:
        raise _Refused("the file is empty.", "Delete it, or write the part of the plan it should hold.")  # noqa: EM101
    if deep := _too_deep(node):
        raise _Refused(*_TOO_DEEP, deep.start_mark.line + 1, deep.start_mark.column + 1)
    return node


def _too_deep(root: Node) -> Node | None:
    """The first node below the limit: what reads nodes calls itself, and must not run out of stack."""
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
    return level[0] if level else None


def _children(node: Node) -> Iterable[Node]:
    if isinstance(node, MappingNode):
        return (part for pair in node.value for part in pair)
    return node.value if isinstance(node, SequenceNode) else ()


class _Refused(Exception):
    """Why a file is not read at all: message, hint, line, column."""

    def __init__(self, message: str, hint: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.where = line, column
        self.hint = hint


def _harmless(text: str) -> bool:
    if "&" in text or "*" in text:
        return False
    nesting = text.count("[") + text.count("{")
    return nesting <= 500 and max(map(len, text.splitlines()), default=0) <= 1000


def _refuse_treacherous(text: str) -> None:
    """Refuse anchors, aliases and deep nesting before nodes are made of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            what = (
                f"the alias `*{anchor}`" if isinstance(event, yaml.AliasEvent) else f"the anchor `&{anchor}`"
            )
            message = f"{what}: a plan has no anchors and aliases."
            raise _Refused(message, _INSTEAD, *where)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _Refused(*_TOO_DEEP, *where)


_TOO_DEEP = f"nested more than {MAX_DEPTH} deep.", "Name the inner types in types.yaml."
_INSTEAD = "Share properties in groups/ and types in types.yaml; quote text that begins with & or *."


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "malformed").strip()
    context = f" ({error.context})" if error.context and error.problem else ""
    return f"{problem}{context}"


def _syntax_hint(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "mapping values are not allowed" in problem:
        return "Put text that holds `: ` in quotes."
    if "cannot start any token" in problem:
        return "Put the text in quotes; indent with spaces."
    if "expected a single document" in str(error.context):
        return "One document per file: remove the `---` line."
    return ""


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

    def mapping(
        self, node: Node, what: str, known: Iterable[str], required: Iterable[str] = ()
    ) -> dict[str, Node]:
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
        if not isinstance(node, MappingNode):
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
            self.problem(
                node, f"{what} holds a control character or a line break.", "Write the name on one line."
            )
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
            self.problem(
                node, f"{what} must be text, not {_called(node)}.", "Write text, or leave the key out."
            )
            return None
        if strict and tag != "str":
            hint = f'Write it in quotes: "{node.value}".'
            self.problem(
                node, f"YAML reads `{node.value}` as a {_TAG_NAMES.get(tag, tag)}, not as text: {what}.", hint
            )
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
        self.problem(
            node, f"{what} must be a number, not {_called(node)}.", "Write decimal digits, such as 10 or 0.5."
        )
        return None

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, SequenceNode):
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
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if not node.tag.startswith(_CORE):
        return f"a value with the tag `{node.tag}`"
    if node.tag == f"{_CORE}null":
        return "nothing"
    value = str(node.value)
    return f"`{value if len(value) <= 40 else value[:39] + '…'}`"
