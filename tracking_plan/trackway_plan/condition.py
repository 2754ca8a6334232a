"""
The condition language of questions and definitions: from text to a tree of comparisons.

```
price > 10 and platform in ("ios", "android") and not (coupon is null or page_path starts_with "/test")
```

* A name is a column of the events table (`source`, `page_path`, `campaign_source`, …) or else a property;
  `properties.name` is always the property. Names with blanks: `properties["Product Name"]`.
* Values: numbers, "strings", true, false. Comparing: `= == != < <= > >=`, `in (…)`, `not in (…)`, `contains`,
  `starts_with`, `is null`, `is not null`; `and or not`, brackets. Words in any case.

Analytics makes SQL of the tree (`trackway_analytics.queries.where` says what each comparison means); `impact` reads
from it which properties and values a definition rests on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

Value = str | int | float | bool
MAX_LENGTH = 4_000
MAX_DEPTH = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*)
    | (?P<symbol>==|!=|<>|<=|>=|[=<>()\[\],])
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_WORDS = {"and", "or", "not", "in", "is", "null", "none", "true", "false", "contains", "starts_with"}
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class ConditionError(ValueError):
    """A condition that cannot be read: `problem` at `position` (from 0) of `expression`; `cure` says what to write."""

    def __init__(self, expression: str, position: int, problem: str, cure: str) -> None:
        self.expression, self.position, self.problem, self.cure = expression, position, problem, cure
        super().__init__(f"{problem}, at character {position + 1} of `{expression}`. {cure}")


@dataclass(frozen=True, slots=True)
class Name:
    """A column or property; `quoted` where it was written as `properties["…"]`, so that a dot is part of the name."""

    text: str
    quoted: bool = False

    @property
    def label(self) -> str:
        """The name as one writes it in a condition."""
        return f'properties["{self.text}"]' if self.quoted else self.text


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name operator values`; `in` has several values, `is null` none, every other operator one."""

    name: Name
    operator: str
    """One of = != < <= > >= in contains starts_with null."""
    values: tuple[Value, ...]
    at: int
    """Where its value stands in the text, counted from 0."""


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of `part`."""

    part: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `parts`."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of `parts`."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | All | Any


def parse_condition(expression: str) -> Condition:
    """
    The tree of a condition.

    Raises:
        ConditionError: it cannot be read; it says where and what to write.
    """
    return _Parser(expression).parse()


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison in a condition, from left to right."""
    match condition:
        case Comparison():
            yield condition
        case Not(part):
            yield from comparisons(part)
        case All(parts) | Any(parts):
            for each in parts:
                yield from comparisons(each)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The keyword or symbol this token is, in lower case; '' for names and values."""
        if self.kind == "symbol":
            return self.text
        return self.text.lower() if self.kind == "name" and self.text.lower() in _WORDS else ""


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        if not isinstance(expression, str) or not expression.strip():
            raise ConditionError(str(expression), 0, "the condition is empty", "Write one, for example `price > 10`.")
        if len(expression) > MAX_LENGTH:
            problem = f"{len(expression):,} characters are more than the {MAX_LENGTH:,} that are read"
            raise ConditionError(expression[:60] + "…", 0, problem, "Write a shorter one.")
        self.tokens = self._tokens()
        self.depth = 0

    def parse(self) -> Condition:
        tree = self._any()
        if self.tokens[0].kind != "end":
            self._fail(f"did not expect `{self.tokens[0].text}` here", "Join conditions with `and` or `or`.")
        return tree

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _not(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"conditions are nested deeper than {MAX_DEPTH}", "Write it flatter.")
        try:
            if self._take("not"):
                return Not(self._not())
            if self._take("("):
                inside = self._any()
                self._expect(")")
                return inside
            return self._comparison()
        finally:
            self.depth -= 1

    def _comparison(self) -> Condition:
        name = self._name()
        token = self.tokens[0]
        if token.word in _COMPARISONS:
            self.tokens.pop(0)
            return Comparison(name, _COMPARISONS[token.word], at=self.tokens[0].at, values=(self._value(),))
        if self._take("is"):
            negated = self._take("not")
            if not (self._take("null") or self._take("none")):
                self._fail("`is` is for null only", f"Write `{name.label} is null`, or `{name.label} = …`.")
            return _maybe_not(negated, Comparison(name, "null", (), token.at))
        negated = self._take("not")
        if self._take("in"):
            at = self.tokens[0].at
            return _maybe_not(negated, Comparison(name, "in", self._list(), at))
        if not negated and token.word in ("contains", "starts_with"):
            self.tokens.pop(0)
            return self._part(name, token.word)
        return self._fail(
            f"expected a comparison after `{name.label}`",
            "Known: = != < <= > >= in, not in, contains, starts_with, is null, is not null.",
        )

    def _part(self, name: Name, word: str) -> Comparison:
        at, value = self.tokens[0].at, self._value()
        if not isinstance(value, str):
            self._fail(f"`{word}` needs a string", f'Write `{name.label} {word} "…"`.')
        return Comparison(name, word, (value,), at)

    def _name(self) -> Name:
        token = self.tokens[0]
        if token.kind != "name" or token.word:
            cure = 'Write a property or column first, for example `price > 10` or `platform = "ios"`.'
            self._fail(f"expected a name, found `{token.text or 'the end'}`", cure)
        self.tokens.pop(0)
        if token.text == "properties" and self._take("["):
            name = self._value()
            if not isinstance(name, str) or not name:
                self._fail("expected a property name in quotes", 'Write properties["Product Name"].')
            self._expect("]")
            return Name(name, quoted=True)
        return Name(token.text)

    def _value(self) -> Value:
        token = self.tokens[0]
        read: Callable[[str], Value] | None = {"number": _number, "string": _string}.get(token.kind)
        if token.word in ("true", "false"):
            read = _truth
        if read is None:
            shown = token.text or "the end"
            self._fail(f"expected a number, a string in quotes, true or false, found `{shown}`", "Put text in quotes.")
        self.tokens.pop(0)
        return read(token.text)

    def _list(self) -> tuple[Value, ...]:
        closing = ")" if self._take("(") else "]" if self._take("[") else ""
        if not closing:
            self._fail("`in` needs a list", 'Write in ("a", "b").')
        values = [self._value()]
        while self._take(","):
            if self.tokens[0].word == closing:
                break
            values.append(self._value())
        self._expect(closing)
        return tuple(values)

    def _take(self, word: str) -> bool:
        if self.tokens[0].word == word:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            self._fail(f"expected `{word}`, found `{self.tokens[0].text or 'the end'}`", "Close what was opened.")

    def _tokens(self) -> list[_Token]:
        tokens: list[_Token] = []
        position = 0
        while not tokens or tokens[-1].kind != "end":
            found = _TOKEN.match(self.expression, position)
            if found is None:
                start = position + len(self.expression[position:]) - len(self.expression[position:].lstrip())
                character = self.expression[start]
                cure = "Strings need a closing quote; names are letters, digits, _ and $."
                raise ConditionError(self.expression, start, f"cannot read `{character}`", cure)
            kind = found.lastgroup or "end"
            tokens.append(_Token(kind, found[kind], found.start(kind)))
            position = found.end()
        return tokens

    def _fail(self, problem: str, cure: str) -> NoReturn:
        raise ConditionError(self.expression, self.tokens[0].at, problem, cure)


def _maybe_not(negated: bool, comparison: Comparison) -> Condition:
    return Not(comparison) if negated else comparison


def _number(text: str) -> Value:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _string(text: str) -> Value:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _truth(text: str) -> Value:
    return text.lower() == "true"
