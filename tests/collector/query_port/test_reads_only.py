"""Nothing that is asked over the query port can write, read a file, call out, or change a setting."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from trackway_collector.query_port.guard import HARMLESS_TABLE_FUNCTIONS
from trackway_collector.query_port.settings import accepted
from trackway_collector.warehouse.embedded import EmbeddedWarehouse

SECRET = "the-secret-of-this-test"

# {file} holds SECRET; {new} does not exist; {url} counts who asks it.
READS_A_FILE = [
    "SELECT * FROM file('{file}', LineAsString)",
    "SELECT file('{file}')",
    "SELECT `file`('{file}')",
    "SELECT \"file\"('{file}')",
    "SELECT `fi\\x6ce`('{file}')",
    "SELECT file /* */ ('{file}')",
    "SELECT reverse(reverse(file('{file}')))",
    "WITH file('{file}') AS x SELECT x",
    "WITH x AS (SELECT * FROM file('{file}', LineAsString)) SELECT * FROM x",
    "SELECT (SELECT * FROM file('{file}', LineAsString))",
    "SELECT * FROM view(SELECT file('{file}'))",
    "SELECT * FROM (SELECT file('{file}')) UNION ALL SELECT ''",
    "SELECT arrayMap(file, ['{file}'])",
    "SELECT arrayMap(x -> file(x), ['{file}'])",
    "SELECT arrayMap({{f:Identifier}}, ['{file}'])",
    "SELECT * APPLY(file) FROM (SELECT '{file}')",
    "SELECT * APPLY file FROM (SELECT '{file}')",
    "SELECT * APPLY(`fi\\x6ce`) FROM (SELECT '{file}')",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{file}')",
    "SELECT COLUMNS('.*') APPLY(file) FROM (SELECT '{file}')",
    "SELECT * APPLY({{f:Identifier}}) FROM (SELECT '{file}')",
    "SELECT * REPLACE(file('{file}') AS person_id) FROM events",
    "SELECT count() FROM events WHERE person_id = file('{file}') OR throwIf(1, file('{file}'))",
    "SELECT n, s FROM (SELECT 1 AS n, 'x' AS s) ORDER BY n WITH FILL TO 3 INTERPOLATE (s AS file('{file}'))",
    "SELECT sum(1) OVER w FROM events WINDOW w AS (PARTITION BY file('{file}'))",
    "FROM events SELECT file('{file}')",
    "EXPLAIN SELECT file('{file}')",
    "EXPLAIN PLAN actions = 1 SELECT file('{file}')",
    "EXPLAIN SYNTAX SELECT file('{file}')",
    "EXPLAIN QUERY TREE SELECT file('{file}')",
    "EXPLAIN ESTIMATE SELECT * FROM file('{file}', LineAsString)",
    "DESCRIBE file('{file}', CSVWithNames)",
    "DESC TABLE file('{file}')",
    "DESCRIBE (SELECT file('{file}'))",
    "SHOW TABLES WHERE throwIf(1, file('{file}'))",
    "SHOW COLUMNS FROM events WHERE throwIf(1, file('{file}'))",
    "SELECT * FROM fileCluster('default', '{file}', LineAsString)",
    "SELECT * FROM filesystem('{file}')",
    "SELECT * FROM sqlite('{file}', 'x')",
    "SELECT * FROM url('file://{file}', LineAsString)",
    "SELECT * FROM `{file}`",
    "SELECT * FROM '{file}'",
    "SELECT * FROM eval('SELECT file(''{file}'')')",
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT file('{file}')))",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '{file}'",
    "SELECT * FROM Python(SECRET)",
    "SELECT * FROM python('SECRET')",
    # The client's own text, in the line of the syntax tree that the function's name is on.
    "SELECT file('{file}') AS \"a)b\"",
    "SELECT file('{file}') AS `x\\ny`",
    "SELECT file('{file}') AS `x\\u2028y`",
    "SELECT * FROM view(SELECT file('{file}') AS \"a)\")",
    "SELECT * FROM file('{file}', LineAsString) AS \"a)b\"",
    # A structure is text that becomes columns, and their expressions, later.
    "SELECT x FROM generateRandom('n UInt8, x String ALIAS file(\\'{file}\\')') LIMIT 1",
    "SELECT x FROM values('n Int8, x String ALIAS file(\\'{file}\\')', (1))",
    "SELECT x FROM format(JSONEachRow, 'n Int8, x String ALIAS file(\\'{file}\\')', '{{\"n\":1}}')",
    "SELECT 1 IN format(JSONEachRow, 'n Int8, x String ALIAS file(\\'{file}\\')', '{{\"n\":1}}')",
    "DESCRIBE format(JSONEachRow, 'n Int8, x String ALIAS file(\\'{file}\\')', '{{\"n\":1}}')",
    "SELECT max(x) FROM null('n Int8, x String ALIAS file(\\'{file}\\')')",
    "file('{file}')",
    "graph = 1 SELECT file('{file}')",
]

CALLS_OUT = [
    "SELECT * FROM url('{url}', LineAsString)",
    "DESCRIBE url('{url}', CSVWithNames)",
    "EXPLAIN SELECT * FROM url('{url}', LineAsString)",
    "SELECT * FROM view(SELECT * FROM url('{url}', LineAsString))",
    "SELECT 1 WHERE 'x' IN (SELECT * FROM url('{url}', LineAsString))",
    "SELECT * FROM urlCluster('default', '{url}', LineAsString)",
    "SELECT * FROM s3('{url}bucket/key', LineAsString)",
    "DESCRIBE s3('{url}bucket/key', CSVWithNames)",
    "SELECT * FROM gcs('{url}bucket/key', LineAsString)",
    "SELECT * FROM deltaLake('{url}bucket/key')",
    "SELECT * FROM iceberg('{url}bucket/key')",
    "SELECT * FROM hudi('{url}bucket/key')",
    "SELECT * FROM azureBlobStorage('{url}', 'container', 'blob')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:{port}/x', LineAsString)",
    "SELECT * FROM remote('127.0.0.1:{port}', system, one)",
    "SELECT * FROM remoteSecure('127.0.0.1:{port}', system, one)",
    "SELECT * FROM cluster('default', system, one)",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "DESCRIBE mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "SELECT * FROM mongodb('127.0.0.1:{port}', 'd', 't', 'u', 'p', 'x String')",
    "SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String')",
    "SELECT * FROM odbc('dsn', 'd', 't')",
    "SELECT * FROM jdbc('dsn', 't')",
    "SELECT * FROM executable('id', TabSeparated, 'x String')",
    "SELECT * FROM input('x String')",
    "SELECT * FROM dictionary('x')",
    "SELECT dictGet('x', 'y', 1)",
    "SELECT aiGenerate('{url}', 'hello')",
    "SELECT AIGenerate('{url}', 'hello')",
    "SELECT * FROM merge('system', 'stack_trace')",
    "SELECT * FROM loop('port', 'events')",
]

WRITES = [
    "INSERT INTO events (message_id) VALUES ('x')",
    "INSERT INTO FUNCTION file('{new}', TSV) SELECT 1",
    "SELECT * FROM events INTO OUTFILE '{new}'",
    "SELECT * FROM events INTO OUTFILE '{new}' FORMAT CSV",
    "(SELECT 1) INTO OUTFILE '{new}' TRUNCATE",
    "EXPLAIN SELECT 1 INTO OUTFILE '{new}'",
    "SHOW TABLES INTO OUTFILE '{new}'",
    "SELECT 1 FORMAT TSV INTO OUTFILE '{new}'",
    "SELECT 1 FORMAT TSV INTO/**/OUTFILE '{new}'",
    "SHOW TABLES FORMAT TSV into -- a comment\nOutFile '{new}'",
    "EXPLAIN SELECT 1 FORMAT TSV INTO OUTFILE '{new}'",
    "DESCRIBE events FORMAT TSV INTO OUTFILE '{new}'",
    "CREATE TABLE t (x Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE t (x Int8)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE DATABASE d",
    "CREATE FUNCTION f AS x -> x",
    "ALTER TABLE events DELETE WHERE 1",
    "ALTER TABLE events ADD COLUMN x Int8",
    "DELETE FROM events WHERE 1",
    "TRUNCATE TABLE events",
    "DROP TABLE events",
    "DETACH TABLE events",
    "UNDROP TABLE events",
    "OPTIMIZE TABLE events",
    "RENAME TABLE events TO other",
    "BACKUP TABLE events TO File('{new}')",
    "RESTORE TABLE events FROM File('{new}')",
    "SYSTEM FLUSH LOGS",
    "SYSTEM STOP MERGES",
    "SYSTEM START LISTEN HTTP",
    "KILL QUERY WHERE 1",
    "GRANT ALL ON *.* TO default",
    "USE system",
    "SET max_threads = 1",
    "CHECK TABLE events",
    "SELECT 1; DROP TABLE events",
    "SELECT 1;\n-- a comment\nDROP TABLE events;",
    "SELECT * FROM system.stack_trace",
    "SELECT * FROM system.`stack_trace`",
    "SELECT * FROM {{f:Identifier}}.stack_trace",
    'SELECT * FROM system.stack_trace AS "a)b"',
]

TELLS_OF_THE_MACHINE = [
    "SELECT * FROM system.server_settings",
    "SELECT * FROM system.`server_settings`",
    'SELECT * FROM "system"."server_settings"',
    "SELECT * FROM `sys\\x74em`.server_settings",
    "SELECT * FROM system . server_settings",
    "SELECT * FROM system/**/./**/disks",
    "SELECT * FROM {{f:Identifier}}.disks",
    "SELECT value FROM system.one AS o, system.server_settings AS s",
    "WITH s AS (SELECT * FROM system.server_settings) SELECT * FROM s",
    "SELECT 1 WHERE 'path' IN (SELECT name FROM system.server_settings)",
    "SELECT 'x' IN system.licenses_and_more",
    "SELECT * FROM view(SELECT * FROM system.errors)",
    "EXPLAIN SELECT * FROM system.server_settings",
    "DESCRIBE (SELECT * FROM system.server_settings)",
    "SELECT * FROM system.named_collections",
    "SELECT * FROM system.users",
    "SELECT * FROM system.certificates",
    "SELECT last_error_message FROM system.errors",
    "SELECT * FROM system.jemalloc_profile_text",
    "SELECT * FROM system.schema_inference_cache",
    "SELECT * FROM system.no_such_table_of_a_new_version",
    "SELECT showCertificate()",
    "SELECT getOSKernelVersion()",
    "SELECT generateSerialID('x')",
    "SELECT naiveBayesClassifier('x', 'y')",
]

CHANGES_A_SETTING = [
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS readonly = 2",
    "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT addressToSymbol(toUInt64(1)) SETTINGS allow_introspection_functions = 1",
    "SELECT 1 FORMAT Protobuf SETTINGS format_schema = '{file}:x'",
    "SET readonly = 0",
    "SELECT 1; SET readonly = 0; DROP TABLE events",
]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text(SECRET + "\n")
    return path


async def refused(client: ClientSession, sql: str, identifier: str = "file") -> str:
    """The answer to `sql`, which is not 200."""
    async with client.post("/", data=sql.encode(), params={"param_f": identifier}) as answer:
        text = await answer.text()
        assert answer.status >= 400, text
        assert int(answer.headers["X-ClickHouse-Exception-Code"]) > 0
        return text


@pytest.mark.parametrize("sql", READS_A_FILE)
async def test_no_file_is_read(client: ClientSession, secret_file: Path, sql: str) -> None:
    """
    Not by a table function, not by a scalar one, however it is written or wrapped; nor a Python variable.
    """
    assert SECRET not in await refused(client, sql.format(file=secret_file))


@pytest.mark.parametrize("sql", CALLS_OUT)
async def test_nobody_is_called(client: ClientSession, sql: str) -> None:
    """No request leaves the process, not even to look at what columns there would be."""
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="a,b\n1,2\n")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", note)
    outside = TestServer(app, host="127.0.0.1")
    await outside.start_server()
    try:
        await refused(client, sql.format(url=outside.make_url("/"), port=outside.port))
    finally:
        await outside.close()
    assert asked == []


@pytest.mark.parametrize("sql", WRITES)
async def test_nothing_is_written(client: ClientSession, store: EmbeddedWarehouse, tmp_path: Path, sql: str) -> None:
    """No table, no file, no engine state: the two events are what they were."""
    new = tmp_path / "new"
    await refused(client, sql.format(new=new), identifier="system")
    assert not new.exists()
    assert store.query("SELECT count() FROM events").one() == 2
    tables = [name for (name,) in store.query("SHOW TABLES").rows]
    assert tables == ["events", "loads", "migrations", "plan_releases", "quarantine", "replayed"]


@pytest.mark.parametrize("sql", TELLS_OF_THE_MACHINE)
async def test_no_table_of_the_system_tells_of_the_machine(client: ClientSession, sql: str) -> None:
    """
    Paths, messages of others' errors, users and certificates stay inside: of the database `system` only those tables
    can be read that tools need, and none that a new version brings.
    """
    answer = await refused(client, sql.format(), identifier="system")
    assert "(READONLY)" in answer


async def test_the_system_is_no_default_database(client: ClientSession) -> None:
    """Its tables are read by their full names only, by which the guard knows them."""
    for asked in ({"database": "system"}, {"database": "SYSTEM"}):
        async with client.post("/", data=b"SELECT * FROM server_settings", params=asked) as answer:
            assert answer.status >= 400
            assert "tmp" not in await answer.text()


@pytest.mark.parametrize("table", ["tables", "columns", "databases", "functions", "settings", "parts", "processes"])
async def test_tools_can_read_what_they_need_of_the_system(client: ClientSession, table: str) -> None:
    """What there is, and how large: Grafana, DBeaver and notebooks ask for it when they connect."""
    async with client.post("/", data=f"SELECT * FROM system.{table} LIMIT 1".encode()) as answer:  # noqa: S608
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("sql", CHANGES_A_SETTING)
async def test_a_query_changes_no_setting(client: ClientSession, secret_file: Path, sql: str) -> None:
    """Once readonly is on, nothing in the text turns it off."""
    await refused(client, sql.format(file=secret_file))


@pytest.mark.parametrize(
    "name",
    [
        "readonly",
        "allow_introspection_functions",
        "allow_ddl",
        "format_schema",
        "format_template_row",
        "implicit_select",
        "output_format_schema",
        "allow_experimental_eval_table_function",
        "no_such_setting",
        "max_query_size",
    ],
)
async def test_a_setting_of_the_url_must_be_on_the_list(client: ClientSession, name: str) -> None:
    """
    `readonly=2`, which lets ClickHouse's own server change settings, and all that could open a door, are
    refused.
    """
    async with client.get("/", params={"query": "SELECT 1", name: "2"}) as answer:
        assert answer.status == 403
        assert f"Cannot modify '{name}' setting in readonly mode" in await answer.text()


async def test_limits_of_the_url_cannot_exceed_the_ports(client: ClientSession) -> None:
    """A client may take less time than the port allows, not more, and 0 does not mean for ever."""
    sql = "SELECT toUInt64(value) FROM system.settings WHERE name = 'max_execution_time'"
    for asked, given in (("5", "5"), ("0", "300"), ("999999", "300")):
        async with client.get("/", params={"query": sql, "max_execution_time": asked}) as answer:
            assert (await answer.text()).strip() == given


def test_a_limit_that_rounds_to_nothing_stays_a_limit() -> None:
    """A billionth of a second or a byte would be 0 to the engine, which means without limit."""
    asked = {"max_execution_time": "1e-9", "max_memory_usage": "1e-9"}
    settings = accepted(asked, max_execution_s=300, max_memory_bytes=1 << 30)
    assert (settings["max_execution_time"], settings["max_memory_usage"]) == (0.001, 1)


def test_every_other_table_function_is_refused(store: EmbeddedWarehouse) -> None:
    """The engine's list is looked up, so one that a new version brings is refused too."""
    from trackway_collector.query_port.guard import _table_functions

    names = {name.lower() for (name,) in store.query("SELECT name FROM system.table_functions").rows}
    with store.engine.connection() as connection:
        assert _table_functions(connection) >= names - {name.lower() for name in HARMLESS_TABLE_FUNCTIONS}


HARMLESS = [
    ("SELECT count() FROM events", "2\n"),
    ("SELECT person_id FROM port.events ORDER BY person_id LIMIT 1", "jonas\n"),
    ("WITH x AS (SELECT 1 AS n) SELECT n FROM x", "1\n"),
    ("SELECT * APPLY(toString) FROM (SELECT 1)", "1\n"),
    ("SELECT sum(number) FROM numbers(4)", "6\n"),
    ("SELECT 'file(1); DROP TABLE events'", "file(1); DROP TABLE events\n"),
    ("SELECT 1 -- ; DROP TABLE events", "1\n"),
    ("SELECT 1;", "1\n"),
    ("(SELECT 1) UNION ALL (SELECT 1)", "1\n1\n"),
    ("SELECT 1 INTERSECT SELECT 1", "1\n"),
    ("EXISTS TABLE events", "1\n"),
    ("SHOW TABLES LIKE 'ev%'", "events\n"),
    ("SELECT properties.file FROM events LIMIT 1", "\\N\n"),
    ('SELECT count() AS "events (of all)" FROM events', "2\n"),
    ("SELECT format('{{}}-{{}}', 'a', 'b')", "a-b\n"),
]


@pytest.mark.parametrize(("sql", "expected"), HARMLESS)
async def test_harmless_queries_run(client: ClientSession, sql: str, expected: str) -> None:
    """What only looks dangerous, or is of another kind than SELECT, gets its answer."""
    async with client.post("/", data=sql.replace("{{}}", "{}").encode()) as answer:
        assert await answer.text() == expected


@pytest.mark.parametrize("sql", ["DESCRIBE events", "EXPLAIN SELECT 1", "SHOW CREATE TABLE events", "SHOW DATABASES"])
async def test_tools_can_look_around(client: ClientSession, sql: str) -> None:
    """Grafana and DBeaver ask what there is."""
    async with client.post("/", data=sql.encode()) as answer:
        assert answer.status == 200, await answer.text()
