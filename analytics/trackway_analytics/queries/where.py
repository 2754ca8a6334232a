"""
The filter language of `where=`: from text to SQL with bound parameters. Nothing of the text reaches the SQL.

```
price > 10 and platform in ("ios", "android") and not (coupon is null or page_path starts_with "/test")
```

* A name is a column of the events table (`source`, `page_path`, `campaign_source`, …) or else a property;
  `properties.name` is always the property. Names with blanks: `properties["Product Name"]`.
* Values: numbers, "strings", true, false. Comparing: `= == != < <= > >=`, `in (…)`, `not in (…)`, `contains`,
  `starts_with`, `is null`, `is not null`; `and or not`, brackets. Words in any case.
* A comparison is either true or false: an event without the property is not `= "x"`, hence it is `!= "x"`. A
  number is compared with numbers, and with strings that spell a number; never with true or false.
* A former name of an event, a property or a choice means what the thing is called now, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from trackway_analytics.errors import QuestionError, WhereError
from trackway_analytics.queries.fields import Field, Reader, field_named
from trackway_analytics.times import moment

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


def compile_where(expression: str, reader: Reader) -> str:
    """
    Return SQL that is 1 for the events that satisfy `expression`, and 0 for all others.

    Raises:
        WhereError: the expression cannot be read; the message points at the place.
    """
    return _Parser(expression, reader).parse()


class _Parser:
    """Recursive descent over the tokens; each method returns SQL that is never NULL."""

    def __init__(self, expression: str, reader: Reader) -> None:
        self.expression = expression
        self.reader = reader
        if not isinstance(expression, str) or not expression.strip():
            message = f'where={expression!r} is empty. Write a condition, for example where="price > 10".'
            raise QuestionError(message)
        if len(expression) > MAX_LENGTH:
            message = f"where: {len(expression):,} characters are more than the {MAX_LENGTH:,} that are read."
            raise QuestionError(message)
        self.tokens = self._tokens()
        self.depth = 0

    def parse(self) -> str:
        sql = self._any()
        if self.tokens[0].kind != "end":
            self._fail(f"did not expect `{self.tokens[0].text}` here", "Join conditions with `and` or `or`.")
        return sql

    def _any(self) -> str:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _all(self) -> str:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _not(self) -> str:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"conditions are nested deeper than {MAX_DEPTH}", "Write it flatter.")
        try:
            if self._take("not"):
                return f"(NOT {self._not()})"
            if self._take("("):
                inside = self._any()
                self._expect(")")
                return inside
            return self._comparison()
        finally:
            self.depth -= 1

    def _comparison(self) -> str:
        of = self._field()
        token = self.tokens[0]
        if token.word in _COMPARISONS:
            self.tokens.pop(0)
            return self._compare(of, _COMPARISONS[token.word], self._value())
        if self._take("is"):
            negated = self._take("not")
            if not (self._take("null") or self._take("none")):
                self._fail("`is` is for null only", f"Write `{of.label} is null`, or `{of.label} = …`.")
            missing = self.reader.missing(of)
            return f"(NOT {missing})" if negated else missing
        negated = self._take("not")
        if self._take("in"):
            members = " OR ".join(self._compare(of, "=", value) for value in self._list())
            return f"(NOT ({members}))" if negated else f"({members})"
        if not negated and (token.word in ("contains", "starts_with")):
            self.tokens.pop(0)
            return self._part(of, token.word)
        return self._fail(
            f"expected a comparison after `{of.label}`",
            "Known: = != < <= > >= in, not in, contains, starts_with, is null, is not null.",
        )

    def _compare(self, of: Field, operator: str, value: Value) -> str:
        # `!=` is the negation of `=`, so that an event without the property satisfies exactly one of them.
        if operator == "!=":
            return f"(NOT {self._compare(of, '=', value)})"
        bind = self.reader.bindings.bind
        if isinstance(value, bool):
            placeholder = bind("value", "Bool", value)
            return f"ifNull({self.reader.boolean(of)} {operator} {placeholder}, 0)"
        if isinstance(value, (int, float)):
            whole = isinstance(value, int) and -(2**63) <= value < 2**63
            placeholder = bind("value", "Int64" if whole else "Float64", value)
            compared = self.reader.compare_number(of, lambda read: f"{read} {operator} {placeholder}")
            return f"ifNull({compared}, 0)"
        if of.kind == "time":
            placeholder = bind("value", "DateTime64(6, 'UTC')", self._time(value))
            return f"({of.name} {operator} {placeholder})"
        if operator == "=":
            return f"ifNull({self.reader.text_equals(of, value)}, 0)"
        return f"ifNull({self.reader.text(of)} {operator} {bind('value', 'String', value)}, 0)"

    def _part(self, of: Field, word: str) -> str:
        value = self._value()
        if not isinstance(value, str):
            self._fail(f"`{word}` needs a string", f'Write `{of.label} {word} "…"`.')
        placeholder = self.reader.bindings.bind("value", "String", value)
        text = self.reader.text(of)
        found = (
            f"startsWith({text}, {placeholder})" if word == "starts_with" else f"position({text}, {placeholder}) > 0"
        )
        return f"ifNull({found}, 0)"

    def _field(self) -> Field:
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
            # A dot inside a key is stored escaped; an unescaped one leads into a nested object.
            return Field(name.replace(".", "%2E"), "property")
        return field_named(token.text)

    def _value(self) -> Value:
        token = self.tokens[0]
        read: Callable[[str], Value] | None = {"number": _number, "string": _string}.get(token.kind)
        if token.word in ("true", "false"):
            read = _truth
        if read is None:
            shown = token.text or "the end"
            self._fail(
                f"expected a number, a string in quotes, true or false, found `{shown}`",
                "Put text in quotes.",
            )
        self.tokens.pop(0)
        return read(token.text)

    def _list(self) -> list[Value]:
        closing = ")" if self._take("(") else "]" if self._take("[") else ""
        if not closing:
            self._fail("`in` needs a list", 'Write in ("a", "b").')
        values = [self._value()]
        while self._take(","):
            if self.tokens[0].word == closing:
                break
            values.append(self._value())
        self._expect(closing)
        return values

    def _time(self, value: str) -> datetime:
        try:
            return moment("where", value, ZoneInfo("UTC"))
        except QuestionError:
            return self._fail(f"`{value}` is not a date or time", 'Write ISO 8601, for example "2026-03-01".')

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
                raise WhereError(self.expression, start, f"cannot read `{character}`", cure)
            kind = found.lastgroup or "end"
            tokens.append(_Token(kind, found[kind], found.start(kind)))
            position = found.end()
        return tokens

    def _fail(self, problem: str, cure: str) -> NoReturn:
        raise WhereError(self.expression, self.tokens[0].at, problem, cure)


def _number(text: str) -> Value:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _string(text: str) -> Value:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _truth(text: str) -> Value:
    return text.lower() == "true"
