"""A mapping file to an `EventMapping`; all that is wrong with it at once, as file:line:column with a hint."""

from __future__ import annotations

from pathlib import Path

from yaml.nodes import MappingNode, Node

from trackway_collector.mapping.errors import MappingError
from trackway_collector.mapping.event import CsvForm, EventMapping, Rule
from trackway_collector.mapping.read_rules import RULE_KEYS, merged, read_rule
from trackway_collector.mapping.read_values import ValueReader
from trackway_collector.mapping.reshape import Reshape, reshape
from trackway_plan.errors import Problem
from trackway_plan.loading.yaml_file import parse_text, read_text

VERSION = 1

_FILE_KEYS = ("mapping", "source", "csv", "base", "rename", "drop", "events", "otherwise")
_CSV_KEYS = ("delimiter", "quote", "encoding", "header")
# A byte is a character in the others, so that a place in the file is known from its text.
ENCODINGS = {"utf-8": "utf-8", "latin-1": "latin-1", "windows-1252": "cp1252"}


def load_mapping(path: Path) -> EventMapping:
    """
    Read and compile a mapping file.

    Raises:
        MappingError: it cannot be read, or not everything in it is right.
    """
    problems: list[Problem] = []
    text = read_text(path, str(path), problems)
    if text is None:
        raise MappingError(problems)
    return parse_mapping(text, str(path))


def parse_mapping(text: str, file: str) -> EventMapping:
    """
    Compile the text of a mapping; `file` is named in messages.

    Raises:
        MappingError: not everything in it is right.
    """
    problems: list[Problem] = []
    root = parse_text(text, file, problems)
    mapping = _FileReader(file, problems).mapping_of(root) if root is not None else None
    if problems or mapping is None:
        raise MappingError(problems)
    return mapping


class _FileReader(ValueReader):
    """Reads the top of the file."""

    def mapping_of(self, root: Node) -> EventMapping | None:
        found = self.mapping(root, "a mapping", (*_FILE_KEYS, *RULE_KEYS), ["mapping"])
        if not isinstance(root, MappingNode):
            return None
        if (version := found.get("mapping")) is not None and self.integer(version, "`mapping`") != VERSION:
            self.problem(
                version, f"`mapping` is the version of the language, {VERSION}.", f"Write `mapping: {VERSION}`."
            )
        base = self.word(found["base"], "`base`", ("empty", "record")) if "base" in found else "empty"
        keeps = base == "record"
        common = {key: node for key, node in found.items() if key in RULE_KEYS}
        plain = read_rule(self, root, common, named=keeps or "events" in found)
        rules = self._rules(found["events"], common, keeps=keeps) if "events" in found else [plain]
        otherwise = "keep" if keeps else "error"
        if "otherwise" in found:
            otherwise = self.word(found["otherwise"], "`otherwise`", ("error", "skip", "keep")) or "error"
            if "events" not in found:
                self.problem(found["otherwise"], "`otherwise` is about records that no rule of `events` is for.")
        return EventMapping(
            self.file,
            (self.name(found["source"], "`source`") or "") if "source" in found else "",
            self._csv(found["csv"]) if "csv" in found else CsvForm(),
            keeps,
            self._reshape(found),
            rules,
            otherwise,  # type: ignore[arg-type]  # `word` gave one of the three
            plain,
            # After a `rename` the names are no longer the record's own.
            () if "rename" in found else tuple(dict.fromkeys(self.fields)),
        )

    def _rules(self, node: Node, common: dict[str, Node], *, keeps: bool) -> list[Rule]:
        rules = []
        for item in self.items(node, "`events`"):
            own = self.mapping(item, "a rule of `events`", ("when", "skip", *RULE_KEYS))
            rules.append(read_rule(self, item, merged(common, own), named=keeps))
        if not rules:
            self.problem(node, "`events` has no rules.", "Write `- when: {…}` and what the event is.")
        return rules

    def _reshape(self, found: dict[str, Node]) -> Reshape | None:
        renames = {}
        if "rename" in found:
            for old, (key, value) in self.named(found["rename"], "`rename`").items():
                new = self.text(value, f"the new name of `{old}`")
                before, after = self.path(key, old), self.path(value, new or "")
                if any(isinstance(part, int) for part in after or ()):
                    self.problem(value, f"`{new}` names a place in a list; a value can be moved to a name only.")
                elif before and after:
                    renames[before] = after
        drops = []
        for item in self.items(found["drop"], "`drop`") if "drop" in found else ():
            path = self.path(item, self.text(item, "a field to drop") or "")
            if path:
                drops.append(path)
        return reshape(renames, drops)

    def _csv(self, node: Node) -> CsvForm:
        found = self.mapping(node, "`csv`", _CSV_KEYS)
        marks = {}
        for key, usual in (("delimiter", ","), ("quote", '"')):
            mark = self.text(found[key], f"`{key}`") if key in found else usual
            mark = "\t" if mark in ("tab", "\\t") else mark
            if mark is not None and len(mark) != 1:
                self.problem(found[key], f"`{key}` is one character.", "For tabs write `delimiter: tab`.")
                mark = usual
            marks[key] = mark or usual
        encoding = "utf-8"
        if "encoding" in found:
            encoding = ENCODINGS[self.word(found["encoding"], "`encoding`", tuple(ENCODINGS)) or "utf-8"]
        header = self.names(found["header"], "`header`") if "header" in found else ()
        return CsvForm(marks["delimiter"], marks["quote"], encoding, header)
