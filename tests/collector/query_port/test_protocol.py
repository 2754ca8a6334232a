"""The query port speaks ClickHouse's HTTP protocol to whoever has the token."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import subprocess

import clickhouse_connect
import pytest
from aiohttp import ClientSession, FormData, web
from aiohttp.client_exceptions import ClientPayloadError
from aiohttp.test_utils import TestServer

from tests.collector.query_port.conftest import TOKEN
from trackway_collector.query_port import make_query_app
from trackway_collector.query_port.app import Limits
from trackway_collector.warehouse.embedded import EmbeddedWarehouse


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({"X-ClickHouse-User": "trackway", "X-ClickHouse-Key": TOKEN}, {}),
        ({"Authorization": "Basic " + base64.b64encode(f"trackway:{TOKEN}".encode()).decode()}, {}),
        ({"Authorization": f"Bearer {TOKEN}"}, {}),
        ({}, {"user": "trackway", "password": TOKEN}),
    ],
)
async def test_every_way_to_log_in(port: TestServer, headers: dict[str, str], params: dict[str, str]) -> None:
    """Headers, Basic, Bearer and the query string, as tools have them."""
    async with (
        ClientSession() as session,
        session.get(port.make_url("/"), headers=headers, params={**params, "query": "SELECT 1"}) as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "1\n")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-ClickHouse-User": "trackway", "X-ClickHouse-Key": ""},
        {"X-ClickHouse-User": "trackway", "X-ClickHouse-Key": TOKEN[:-1]},
        {"X-ClickHouse-User": "default", "X-ClickHouse-Key": TOKEN},
        {"Authorization": "Basic not-base64"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
async def test_no_query_without_the_token(port: TestServer, headers: dict[str, str]) -> None:
    """Loopback earns no trust: a reverse proxy makes every visitor local."""
    asked = {"query": "SELECT 1"}
    async with (
        ClientSession(headers=headers) as session,
        session.get(port.make_url("/"), params=asked) as answer,
    ):
        assert answer.status == 401
        assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
        assert TOKEN not in await answer.text()


async def test_a_password_of_any_bytes_is_only_a_wrong_one(port: TestServer) -> None:
    """Bytes that are not UTF-8, which only a hand-made request has, get 401 and leave no error in the log."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    head = b"GET /?query=SELECT+1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-ClickHouse-User: trackway\r\n"
    writer.write(head + b"X-ClickHouse-Key: \xff\r\nConnection: close\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7", "", "[::1"])
@pytest.mark.parametrize("path", ["/", "/ping"])
async def test_a_foreign_host_is_refused(client: ClientSession, host: str, path: str) -> None:
    """A page that rebinds its DNS name to 127.0.0.1 still says its own name."""
    async with client.get(path, params={"query": "SELECT 1"}, headers={"Host": host}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Type": "multipart/form-data"}])
async def test_a_body_that_is_not_what_its_headers_say_is_a_bad_request(
    client: ClientSession, headers: dict[str, str]
) -> None:
    """A body that cannot be unpacked gets ClickHouse's kind of error, as every other mistake of a client does."""
    async with client.post("/", data=b"SELECT 1", headers=headers, skip_auto_headers=["Content-Type"]) as answer:
        assert answer.status == 400
        assert answer.headers["X-ClickHouse-Exception-Code"] == "27"


async def test_text_and_body_are_one_query(client: ClientSession) -> None:
    """The query string's part comes first, as in ClickHouse."""
    async with client.post("/", params={"query": "SELECT count()"}, data=b"FROM events") as answer:
        assert await answer.text() == "2\n"


async def test_parameters_database_and_format(client: ClientSession) -> None:
    """
    `param_x`, `database`, `default_format`, and X-ClickHouse-Format, which wins; FORMAT in the text wins over
    all.
    """
    sql = "SELECT {who:String} AS who, currentDatabase() AS db"
    asked = {"query": sql, "param_who": "mira", "database": "default", "default_format": "JSONEachRow"}
    async with client.get("/", params=asked) as answer:
        assert json.loads(await answer.text()) == {"who": "mira", "db": "default"}
        assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    async with client.get("/", params=asked, headers={"X-ClickHouse-Format": "CSV"}) as answer:
        assert await answer.text() == '"mira","default"\n'
    async with client.get("/", params={**asked, "query": sql + " FORMAT CSVWithNames"}) as answer:
        assert await answer.text() == '"who","db"\n"mira","default"\n'
        assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8; header=present"


async def test_headers_tell_about_the_query(client: ClientSession) -> None:
    """Id, format, time zone, and a summary with counts."""
    async with client.get("/", params={"query": "SELECT * FROM events FORMAT JSON", "query_id": "mine"}) as answer:
        assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
        assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
        summary = json.loads(answer.headers["X-ClickHouse-Summary"])
        assert summary["read_rows"] == "2"
        assert len((await answer.json())["data"]) == 2


async def test_an_error_has_code_status_and_text(client: ClientSession) -> None:
    """As ClickHouse's own server answers."""
    async with client.get("/", params={"query": "SELECT colour FROM events"}) as answer:
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "47")
        assert (await answer.text()).startswith("Code: 47. DB::Exception: Unknown expression identifier `colour`")
    async with client.get("/", params={"query": "SELEC 1"}) as answer:
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    async with client.post("/", data=b"  ") as answer:
        assert (answer.status, "Empty query" in await answer.text()) == (400, True)


async def test_an_error_in_mid_result_cannot_be_missed(client: ClientSession) -> None:
    """The body ends in the tagged exception, and without its last chunk."""
    sql = "SELECT number, throwIf(number = 400000) FROM numbers(500000)"
    async with client.post("/", data=sql.encode()) as answer:
        assert answer.status == 200
        tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
        body = b""
        with pytest.raises(ClientPayloadError):  # noqa: PT012
            async for chunk in answer.content.iter_any():
                body += chunk
        assert body.endswith(tag + b"\r\n__exception__\r\n")
        assert b"Code: 395. DB::Exception: Value passed to 'throwIf'" in body


async def test_bodies_may_be_compressed(client: ClientSession) -> None:
    """A query in gzip, and a result in gzip for who asks for it."""
    body = gzip.compress(b"SELECT number FROM numbers(3)")
    headers = {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    async with client.post("/", params={"enable_http_compression": "1"}, data=body, headers=headers) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.text() == "0\n1\n2\n"


async def test_a_form_is_a_query_too(client: ClientSession) -> None:
    """Some tools send query and parameters as multipart fields; a file among them is refused."""
    form = FormData({"query": "SELECT {n:Int64}", "param_n": "7"}, default_to_multipart=True)
    async with client.post("/", data=form) as answer:
        assert await answer.text() == "7\n"
    form = FormData()
    form.add_field("query", "SELECT 1")
    form.add_field("extra", b"1\n", filename="extra.tsv")
    async with client.post("/", data=form) as answer:
        assert answer.status == 501


async def test_a_long_query_is_refused(client: ClientSession) -> None:
    """Also one that is short only while compressed."""
    for body, headers in (
        (b"SELECT 1 " + b" " * (1 << 21), {}),
        (gzip.compress(b"SELECT 1 " + b" " * (1 << 24)), {"Content-Encoding": "gzip"}),
    ):
        async with client.post("/", data=body, headers=headers) as answer:
            assert answer.status == 413


async def test_ping_needs_no_token(port: TestServer) -> None:
    """It tells nothing but that someone is there."""
    async with ClientSession() as session:
        for path in ("/ping", "/", "/replicas_status"):
            async with session.get(port.make_url(path)) as answer:
                assert (answer.status, await answer.text()) == (200, "Ok.\n")


async def test_large_results_stream(client: ClientSession) -> None:
    """The first bytes are there while the last are not computed yet."""
    sql = "SELECT number, randomPrintableASCII(1000) FROM numbers(50000000)"
    async with client.post("/", data=sql.encode()) as answer:
        assert answer.status == 200
        assert await answer.content.readexactly(1 << 20)
        answer.close()


async def test_a_query_ends_with_its_client(client: ClientSession, store: EmbeddedWarehouse) -> None:
    """Who hangs up leaves nothing running."""
    sql = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'endless'"
    asked = {"query": "SELECT number, randomPrintableASCII(1000) FROM system.numbers", "query_id": "endless"}
    async with client.get("/", params=asked) as answer:
        await answer.content.readexactly(100)
        assert store.query(sql).one() == 1
        answer.close()
    while store.query(sql).one():
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("compressed", ["", "gzip"])
async def test_hanging_up_is_no_error(
    store: EmbeddedWarehouse, caplog: pytest.LogCaptureFixture, compressed: str
) -> None:
    """A client that leaves in the middle of its answer is normal life; the log keeps its tracebacks for faults."""
    sql = "SELECT repeat('x', 1000) FROM numbers(100000000) FORMAT TSV"
    headers = {"X-ClickHouse-User": "trackway", "X-ClickHouse-Key": TOKEN, "Accept-Encoding": compressed}
    runner = web.AppRunner(make_query_app(store.engine, TOKEN, database="port"))  # a TestServer cancels its handlers
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/?enable_http_compression=1"
    with caplog.at_level("DEBUG", "trackway_collector.query_port"):
        async with (
            ClientSession(headers=headers, auto_decompress=False) as session,
            session.post(url, data=sql) as answer,
        ):
            await answer.content.readany()
            answer.close()
        for _ in range(500):
            if "hung up" in caplog.text or "Traceback" in caplog.text:
                break
            await asyncio.sleep(0.02)

    await runner.cleanup()
    assert "hung up" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_query_has_its_time(store: EmbeddedWarehouse) -> None:
    """Then it ends with TIMEOUT_EXCEEDED."""
    app = make_query_app(store.engine, TOKEN, database="port", limits=Limits(max_execution_s=0.2))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        sql = "SELECT sum(cityHash64(number)) FROM system.numbers"
        async with session.post(server.make_url("/"), data=sql.encode()) as answer:
            assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")
    await server.close()


async def test_a_result_that_cannot_stream_has_its_size(store: EmbeddedWarehouse) -> None:
    """A format with a foot is built in memory, and refused when that gets too large."""
    app = make_query_app(store.engine, TOKEN, database="port", limits=Limits(max_buffered_bytes=1 << 20))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        sql = "SELECT number, randomPrintableASCII(1000) FROM numbers(1000000) FORMAT JSON"
        async with session.post(server.make_url("/"), data=sql.encode()) as answer:
            assert answer.headers["X-ClickHouse-Exception-Code"] == "396"
    await server.close()


async def test_more_queries_than_places_wait_or_are_turned_away(store: EmbeddedWarehouse) -> None:
    """One place and one chair: of three at once, two are answered and one is told to come back."""
    app = make_query_app(store.engine, TOKEN, database="port", limits=Limits(max_concurrent=1, max_waiting=1))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:

        async def ask() -> int:
            async with session.post(server.make_url("/"), data=b"SELECT sleep(0.3)") as answer:
                return answer.status

        assert sorted(await asyncio.gather(ask(), ask(), ask())) == [200, 200, 503]
    await server.close()


async def test_clickhouse_connect_works(port: TestServer) -> None:
    """Queries, parameters, data frames, row streams and settings, in a thread as any program."""

    def use() -> list[object]:
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=port.port, username="trackway", password=TOKEN, database="port"
        )
        seen: list[object] = [client.query("SELECT {p:String}", parameters={"p": "mi'ra"}).result_rows]
        seen.append(client.query_df("SELECT person_id FROM events ORDER BY person_id")["person_id"].tolist())
        with client.query_rows_stream("SELECT number FROM numbers(200000)") as stream:
            seen.append(sum(1 for _ in stream))
        seen.append(client.command("SELECT count() FROM events"))
        with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match="only reads"):
            client.command("DROP TABLE events")
        client.close()
        return seen

    assert await asyncio.to_thread(use) == [[("mi'ra",)], ["jonas", "mira"], 200_000, 2]


async def test_curl_works(port: TestServer) -> None:
    """The line of the README."""
    command = [
        "curl",
        "-sS",
        "-u",
        f"trackway:{TOKEN}",
        str(port.make_url("/")),
        "--data-binary",
        "SELECT count() FROM events",
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
