"""
Which statements may run on the query port.

The engine's `readonly=1` is not enough (tried on chDB 4.4): `SELECT … INTO OUTFILE` writes a file, the scalar
function `file('/etc/passwd')` reads one, `DESCRIBE url(…)` sends a request, `DESCRIBE file(…)` reads a
header, `Python(x)` reads variables of this process, `KILL QUERY` kills. So a statement is first taken apart
with the engine's own parser.

`EXPLAIN AST` lists every function and identifier of a statement without analysing it (analysis would already
run `file()` on a constant). Two things it does not list: what stands inside `APPLY(…)`, and the conditions of
SHOW. There, every word of the text counts, and a backslash, which could spell one differently, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

# Table functions that make rows out of nothing. All others are refused, those of future versions too. Not among
# them: format, generateRandom, null and values. The structure they take is text that the engine reads later, and
# `x String ALIAS file('/etc/passwd')` in it reads the file.
HARMLESS_TABLE_FUNCTIONS = frozenset(
    {
        "generateSeries",
        "generate_series",
        "numbers",
        "numbers_mt",
        "primes",
        "view",
        "zeros",
        "zeros_mt",
    }
)

# Functions in expressions that reach outside: files, language models' services, this program's memory,
# dictionaries' sources and models, and what tells of the machine: paths, certificates, its kernel.
_OUTSIDE = re.compile(
    r"(?:file|(?:ai|AI)[A-Z]\w*|python\w*|Python\w*|addressTo\w+|catboost\w*|getServerSetting|getMacro"
    r"|getClientHTTPHeader|getOSKernelVersion|showCertificate|generateSerialID|naiveBayes(?!Ngrams)\w*"
    r"|dictGet\w*|dictHas|dictIsIn|joinGet\w*)\Z"
)

# What tools ask of the database `system`: what there is, how large, and what runs. Others tell of the machine (paths,
# certificates, messages of errors), reach out (zookeeper) or interrupt every thread of the process (stack_trace), and
# of those of future versions nobody knows.
_SYSTEM_TABLES = frozenset(
    {
        "aggregate_function_combinators",
        "asynchronous_metrics",
        "build_options",
        "clusters",
        "codecs",
        "collations",
        "columns",
        "completions",
        "constraints",
        "contributors",
        "data_skipping_indices",
        "data_type_families",
        "database_engines",
        "databases",
        "dictionaries",
        "documentation",
        "events",
        "formats",
        "functions",
        "keywords",
        "licenses",
        "merges",
        "metrics",
        "mutations",
        "numbers",
        "numbers_mt",
        "one",
        "parts",
        "parts_columns",
        "primes",
        "processes",
        "projections",
        "settings",
        "statements",
        "table_engines",
        "table_functions",
        "tables",
        "time_zones",
        "zeros",
        "zeros_mt",
    }
)
# Also without the database's name, which a query may have said elsewhere.
_FORBIDDEN_TABLES = re.compile(r"(?:stack_trace|zookeeper\w*)\Z", re.IGNORECASE)

_STATEMENTS = frozenset(
    {"SelectWithUnionQuery", "SelectIntersectExceptQuery", "Explain", "DescribeQuery", "ExistsTableQuery"}
)
_SHOW_STATEMENTS = frozenset(
    {
        "ExistsDatabaseQuery",
        "ShowColumns",
        "ShowCreateDatabaseQuery",
        "ShowCreateTableQuery",
        "ShowEngines",
        "ShowFunctions",
        "ShowIndexes",
        "ShowProcesslistQuery",
        "ShowSetting",
        "ShowTables",
    }
)

# The name ends at the first space, whatever follows: an alias is the client's text, brackets and line ends included.
# (A name with a space in it is none of ours.)
_NODE = re.compile(r"(?P<indent> *)(?P<kind>\S+) ?(?P<name>[^ ]*)")
# `SELECT 1 FORMAT TSV INTO OUTFILE …` counts as reading, and EXPLAIN AST before it already writes the file.
_INTO_OUTFILE = re.compile(r"\bINTO\b.*\bOUTFILE\b", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RefusedError(Exception):
    """The statement may not run here. `code` and `name` are what ClickHouse would answer."""

    def __init__(self, message: str, code: int = 164, name: str = "READONLY") -> None:
        super().__init__(message)
        self.code = code
        self.name = name


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may run."""

    output_format: str | None
    """Its FORMAT clause, if it has one."""

    is_select: bool


def check(connection: Any, sql: str, params: Mapping[str, str]) -> Checked:
    """
    What the statement is, if it may run on `connection` (which has readonly=1 and implicit_select=0).

    Raises:
        RefusedError: it may not; the message says what in it is the reason.
        RuntimeError: the engine cannot parse it; the text is the engine's.
    """
    classified = connection._conn.classify_query(sql)
    count, kind = classified["statement_count"], classified["query_class"].name
    if count > 1:
        message = f"one statement at a time: this text has {count}"
        raise RefusedError(message, 62, "SYNTAX_ERROR")
    if count == 1 and kind != "READ_ONLY":
        message = f"the query port only reads; this statement is {kind.lower().replace('_', ' ')}"
        raise RefusedError(message)
    if _INTO_OUTFILE.search(sql):
        message = "INTO OUTFILE writes a file. If these words are only text to look for, bind it: {text:String}"
        raise RefusedError(message)
    tree = (
        connection.query(f"EXPLAIN AST {sql}", "TabSeparatedRaw", params=dict(params))
        .bytes()
        .decode("utf-8", "replace")
    )
    nodes = [match for line in tree.splitlines() if (match := _NODE.match(line))]
    root = nodes[0]["kind"] if nodes else "nothing"
    if root not in _STATEMENTS | _SHOW_STATEMENTS:
        message = f"the query port runs SELECT, EXPLAIN, DESCRIBE, EXISTS and SHOW; this is {root}"
        raise RefusedError(message)
    forbidden_tables = _table_functions(connection)
    for above, node in pairwise([None, *nodes]):
        # `format` is also the name of a harmless function of expressions; a table function stands under this node.
        assert node is not None  # noqa: S101 - only the first pair has a None, in front
        is_table = above is not None and above["kind"] == "TableExpression"
        if node["name"] != "format" or is_table:
            _check_node(node["kind"], node["name"], forbidden_tables)
    if root in _SHOW_STATEMENTS or any("ApplyTransformer" in node["kind"] for node in nodes):
        _check_words([sql, *params.values()], forbidden_tables)
    is_select = root == "SelectWithUnionQuery"
    # The name after FORMAT hangs directly under a SELECT.
    formats = [node["name"] for node in nodes if node["kind"] == "Identifier" and len(node["indent"]) == 1]
    return Checked(formats[-1] if formats and is_select else None, is_select)


def _check_node(kind: str, name: str, forbidden_tables: frozenset[str]) -> None:
    if kind == "Function" and name.lower() in forbidden_tables:
        message = f"`{name}` reaches outside the warehouse, and the query port only reads what is in it"
        raise RefusedError(message)
    # A function can be named without being called: arrayMap(file, […]). So no column of such a name can be
    # read bare.
    if kind in ("Function", "Identifier") and _OUTSIDE.match(name):
        message = f"`{name}` reaches outside the warehouse, and the query port only reads what is in it"
        raise RefusedError(message)
    if kind == "Set":
        # The engine refuses these on the outside, and passes over some of them in a subquery without a word.
        message = "Cannot modify settings in readonly mode: instead of SETTINGS, write `&max_threads=1` in the URL"
        raise RefusedError(message)
    if kind in ("TableIdentifier", "Identifier", "ExistsTableQuery") and _is_forbidden_table(name):
        message = f"the table `{name}` is not for reading over the query port"
        raise RefusedError(message)


def _is_forbidden_table(name: str) -> bool:
    database, dot, table = name.partition(".")
    if not dot:
        return _FORBIDDEN_TABLES.match(name) is not None
    return database.lower() == "system" and table not in _SYSTEM_TABLES


def _check_words(texts: Iterable[str], forbidden_tables: frozenset[str]) -> None:
    for text in texts:
        if "\\" in text:
            message = "no backslash, please, in a SHOW statement or in a query with APPLY: it could hide a name"
            raise RefusedError(message)
        for word in _WORD.findall(text):
            if word.lower() in forbidden_tables or _OUTSIDE.match(word) or _FORBIDDEN_TABLES.match(word):
                message = f"`{word}` may not appear in SHOW, or beside APPLY, where it could be called"
                raise RefusedError(message)


def _table_functions(connection: Any) -> frozenset[str]:
    return _forbidden(connection.query("SELECT name FROM system.table_functions", "TabSeparated").bytes())


@lru_cache(maxsize=1)
def _forbidden(names: bytes) -> frozenset[str]:
    harmless = {name.lower() for name in HARMLESS_TABLE_FUNCTIONS}
    return frozenset(name.lower() for name in names.decode().split()) - harmless | {"python", "eval"}
