"""
How names are written: the styles that `naming:` of plan.yaml can ask for, and the words a name is made of.

    orderCompleted ─ words ─▶ [order, Completed] ─ spelled(…, "snake") ─▶ order_completed

A name is in a style when spelling its words in that style gives the name again, so that a check always knows
what to write instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_TWO_NUMBERS = re.compile(r"(?<=\d)\0(?=\d)")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words(name: str) -> list[str]:
    """The words of a name as they stand there, cut at everything that is no letter or digit, and at humps."""
    # A mark belongs to its letter, as in Devanagari, but is no word character to a regular expression.
    joined = "".join("·" if unicodedata.category(each).startswith("M") else each for each in name)
    marked = [(found.start(), found.end()) for found in re.finditer(r"(?:[^\W_]|·)+", joined)]
    return [part for start, end in marked for part in _HUMP.split(name[start:end]) if part]


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:].lower()


CASES: dict[str, Callable[[list[str]], str]] = {
    "snake": lambda parts: "_".join(part.lower() for part in parts),
    "kebab": lambda parts: "-".join(part.lower() for part in parts),
    "camel": lambda parts: "".join(part.lower() if i == 0 else _capital(part) for i, part in enumerate(parts)),
    "pascal": lambda parts: "".join(_capital(part) for part in parts),
    "constant": lambda parts: "_".join(part.upper() for part in parts),
    "title": lambda parts: " ".join(_capital(part) for part in parts),
    "sentence": lambda parts: " ".join(_capital(part) if i == 0 else part.lower() for i, part in enumerate(parts)),
    "lower": lambda parts: " ".join(part.lower() for part in parts),
}
"""Style of names to what spells words in it: order_completed, order-completed, orderCompleted, OrderCompleted,
ORDER_COMPLETED, Order Completed, Order completed, order completed."""

SHAPE = ("object", "action")
TENSES = ("past", "present")


def spelled(name: str, case: str) -> str:
    """The name in a style of `CASES`; a name without a word stays as it is."""
    parts = words(name)
    return CASES[case](parts) if parts else name


def same_name(name: str) -> str:
    """What two names share that a reader would take for one another: `orderId`, `order_id`; not `v1_11`, `v11_1`."""
    parts = [part.casefold() for part in words(unicodedata.normalize("NFKC", name))]
    return _TWO_NUMBERS.sub(" ", "\0".join(parts)).replace("\0", "")


_IRREGULAR = """
ate began begun bought bound broke built burnt came caught chose chosen cut did done drawn drew driven drove
eaten fallen fed fell felt flew forgot found froze frozen gave given gone got grew grown had heard held hidden
hit kept knew known laid led left lent let lit lost made met missed paid put quit rang read ridden rode run rung
sang sat saw seen sent set shown shut slept sold spent split spoke spread stood struck stuck sung swam swum
taken taught thought threw thrown told took understood upset was went were woke woken won wore worn written
wrote
"""
_PAST = frozenset(_IRREGULAR.split())


def is_past(word: str) -> bool:
    """Whether an English verb is in the past; True for words in other scripts, which are not judged."""
    plain = word.lower()
    return not plain.isascii() or not plain.isalpha() or plain.endswith("ed") or plain in _PAST
