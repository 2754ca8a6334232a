"""`trackway doctor` as a process, against a collector that is one, too; every trouble is made for real."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.house import environment, free_port, wait_for
from trackway import Tracker
from trackway._doctor.case import Case
from trackway._doctor.command import show
from trackway._doctor.examine import examine, exit_code
from trackway._doctor.findings import Finding, Status
from trackway._doctor.settings import read_settings
from trackway.testing import FrozenClock, collector
from trackway_plan import EventSpec, Plan, Release, compile_release

KEY = "the-key-of-the-web"


class Report(NamedTuple):
    """What the doctor said."""

    exit_code: int
    checks: dict[str, dict[str, Any]]
    text: str

    @property
    def problems(self) -> list[str]:
        """The checks that found something to be mended."""
        return [name for name, check in self.checks.items() if check["status"] == "problem"]


def doctor(*arguments: str, key: str | None = KEY, **variables: str) -> Report:
    """Run `trackway doctor --format json`; the key comes from the environment, as it should."""
    command = [sys.executable, "-m", "trackway", "doctor", "--format", "json", *arguments]
    kept = {name: value for name, value in environment().items() if not name.startswith("TRACKWAY_")}
    keys = {} if key is None else {"TRACKWAY_WRITE_KEY": key}
    done = subprocess.run(
        command, capture_output=True, text=True, env=kept | keys | variables, timeout=120, check=False
    )
    assert key is None or key not in done.stdout + done.stderr, "the key is shown"
    assert "Traceback" not in done.stderr, done.stderr
    said = json.loads(done.stdout) if done.stdout else {"checks": []}
    assert said.get("exit_code", done.returncode) == done.returncode
    checks = {check["check"]: check for check in said["checks"]}
    return Report(done.returncode, checks, done.stdout + done.stderr)


def release(rev: int, name: str = "shop", event: str = "Order Completed") -> Release:
    """Return a release with one event."""
    plan = Plan(name=name, events={event: EventSpec(name=event)}, on_violation={"unstamped": "flag"})
    return compile_release(plan, rev)


class Running(NamedTuple):
    """A collector process."""

    url: str
    directory: Path


@contextlib.contextmanager
def collector_process(directory: Path, *options: str) -> Iterator[Running]:
    """Run `trackway collector serve` in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "trackway", "collector", "serve", "--port", str(port)]
    command += ["--data-dir", str(directory / "data"), "--write-key", f"web={KEY}", *options]
    log = (directory / "collector.log").open("wb")
    with log, subprocess.Popen(command, env=environment(), stdout=log, stderr=log, cwd=directory) as process:
        try:
            wait_for(lambda: _answers(port), 60, f"the collector answers; its log is in {directory}")
            yield Running(f"http://127.0.0.1:{port}", directory)
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A collector with revisions 1 and 2 of the plan `shop`."""
    directory = tmp_path_factory.mktemp("shop")
    (directory / "releases").mkdir()
    for rev in (1, 2):
        (directory / "releases" / f"000{rev}.json").write_bytes(release(rev).to_json())
    with collector_process(directory, "--plan", str(directory)) as running:
        yield running


def test_all_is_well(shop: Running) -> None:
    """Where all is well every check says so, the settings with their origin, and the exit code is 0."""
    report = doctor("--plan", str(shop.directory / "releases" / "0002.json"), TRACKWAY_HOST=shop.url)
    assert report.problems == []
    assert report.exit_code == 0
    names = ["settings", "plan", "disk", "name", "connection", "tls", "collector", "key", "clock", "revision"]
    names += ["event", "found"]
    assert list(report.checks) == names
    assert report.checks["settings"]["facts"]["host"] == {"value": shop.url, "from": "TRACKWAY_HOST"}
    assert report.checks["settings"]["facts"]["write_key"] == {
        "value": "of 18 characters",
        "from": "TRACKWAY_WRITE_KEY",
    }
    assert report.checks["key"]["facts"] == {"source": "web", "environment": "production"}
    assert report.checks["revision"]["facts"] == {"live": [1, 2]}
    assert report.checks["event"]["facts"]["message_id"]
    assert report.checks["event"]["message"] == "`$doctor` is on the collector's disk, verdict ok"


def test_what_keeps_events_back_does_not_keep_the_test_event(shop: Running) -> None:
    """Consent, sampling and super-properties of the environment are shown; the test event goes through all the same."""
    report = doctor(
        TRACKWAY_HOST=shop.url,
        TRACKWAY_CONSENT_DEFAULT="deny",
        TRACKWAY_SAMPLE="0",
        TRACKWAY_SUPER_PROPERTIES='{"account": "a personal name"}',
    )
    assert (report.exit_code, report.checks["event"]["status"]) == (0, "note")  # no plan here: it is unstamped
    assert report.checks["settings"]["facts"]["sample"] == {"value": "0", "from": "TRACKWAY_SAMPLE"}
    assert report.checks["settings"]["facts"]["super_properties"]["value"] == "account"
    assert "a personal name" not in report.text


def test_the_text_is_one_line_for_each_check(shop: Running) -> None:
    """For people each check is a line that begins with how it ended; what to do stands under it."""
    kept = {name: value for name, value in environment().items() if not name.startswith("TRACKWAY_")}
    command = [sys.executable, "-m", "trackway", "doctor", "--host", shop.url, "--write-key", "no such key"]
    done = subprocess.run(command, capture_output=True, text=True, env=kept, timeout=60, check=False)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines if line.split()[0] not in ("ok", "note", "problem", "skipped")] == []
    assert len(lines) == 12
    assert (
        "problem  key         the collector does not know this write key\n                     Use a key" in done.stdout
    )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "key", "status", "says"),
    [
        ((), None, 3, "Looked at: the argument `write_key` (not given), the environment variable TRACKWAY_WRITE_KEY"),
        (("--plan", "nowhere.json"), KEY, 3, "nowhere.json"),
        (("--host", "collect.example.com"), KEY, 3, "write a URL such as https://collect.example.com"),
        (("--colour", "red"), KEY, 2, "No such option"),
        (("--warehouse", "postgres://db/x"), KEY, 2, "--warehouse: "),
    ],
)
def test_settings_that_cannot_be_read(arguments: tuple[str, ...], key: str | None, status: int, says: str) -> None:
    """Without readable settings nothing is tried: exit 3, or 2 where the command itself is wrong."""
    report = doctor(*arguments, key=key)
    assert report.exit_code == status
    assert says in report.text.replace('\\"', '"')


def test_a_host_that_does_not_exist() -> None:
    """A name that nobody knows is named, with where it came from, and all else is skipped: exit 4."""
    report = doctor(TRACKWAY_HOST="https://collector.invalid")
    assert (report.exit_code, report.problems) == (4, ["name"])
    assert "`collector.invalid` is not found" in report.checks["name"]["message"]
    assert "TRACKWAY_HOST" in report.checks["name"]["mend"]
    assert {check["status"] for name, check in report.checks.items() if name in ("connection", "found")} == {"skipped"}


def test_a_port_where_nobody_listens() -> None:
    """A refused connection says which port, and what to look at."""
    port = free_port()
    report = doctor("--host", f"http://127.0.0.1:{port}", HTTPS_PROXY="http://proxy.invalid:3128")
    assert (report.exit_code, report.problems) == (4, ["connection"])
    assert f"port {port}" in report.checks["connection"]["message"]
    assert "HTTPS_PROXY is set here; the SDK connects directly" in report.checks["connection"]["mend"]


def test_a_web_server_that_is_no_collector(tmp_path: Path) -> None:
    """A stranger is told from a collector, and named as it names itself."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _answers(port), 30, "the web server answers")
            report = doctor("--host", f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
    assert (report.exit_code, report.problems) == (4, ["collector"])
    assert "no collector: HTTP 404 from SimpleHTTP" in report.checks["collector"]["message"]


@pytest.mark.parametrize(
    "page",
    [
        b'{"source": 1, "plan": "shop"}',
        b'{"source": "web", "plan": {"name": "shop", "rev": 1}}',
        b'{"source": "web", "plan": {"name": "shop", "rev": 1, "live": [1]}}',
        b"[" * 100_000,
        b"\xff",
    ],
    ids=["types", "members", "entries", "depth", "encoding"],
)
def test_a_page_that_only_looks_like_a_collectors(page: bytes) -> None:
    """Whatever a stranger answers, the doctor says that it is no collector."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        report = doctor("--host", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (report.exit_code, report.problems) == (4, ["collector"])


def test_what_a_stranger_says_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of a server's words are shown as question marks, not obeyed."""
    show(Finding("key", Status.OK, "source `a\x1b]0;owned\x07`", "Do \x9b31m"))
    out = capsys.readouterr().out
    assert "source `a?]0;owned?`" in out
    assert "Do ?31m" in out


def test_a_program_that_never_answers() -> None:
    """A port that takes connections and says nothing is no collector either; the doctor does not wait for ever."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        report = doctor("--host", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.3")
    assert (report.exit_code, report.problems) == (4, ["collector"])
    assert "no answer (ReadTimeoutError)" in report.checks["collector"]["message"]


def test_a_key_of_another_collector(shop: Running) -> None:
    """An unknown key is the one problem; no event is sent with it."""
    report = doctor("--host", shop.url, key="a-key-from-elsewhere")
    assert (report.exit_code, report.problems) == (1, ["key"])
    assert report.checks["event"]["status"] == "skipped"


def test_the_key_of_another_source(shop: Running, tmp_path: Path) -> None:
    """A program that says it is one source and has the key of another is told so."""
    report = doctor("--host", shop.url, "--source", "api")
    assert (report.exit_code, report.problems) == (1, ["key"])
    assert "it is the key of `web`, and this program says it is `api`" in report.checks["key"]["message"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (release(3), "`shop` revision 3 is not live; the collector has `shop` revisions 1, 2"),
        (release(2, event="Order Paid"), "`shop` revision 2 is another one at the collector: the hashes differ"),
        (release(2, name="store"), "here `store` revision 2, at the collector `shop` revisions 1, 2"),
    ],
    ids=["not live", "another content", "another plan"],
)
def test_a_plan_that_is_not_the_collectors(shop: Running, tmp_path: Path, made: Release, says: str) -> None:
    """A release that is not live at the collector is a problem: its events would be flagged."""
    (tmp_path / "plan.json").write_bytes(made.to_json())
    report = doctor("--host", shop.url, "--plan", str(tmp_path / "plan.json"))
    assert (report.exit_code, report.problems) == (1, ["revision"])
    assert says in report.checks["revision"]["message"]


def test_an_earlier_release_that_is_live_is_fine(shop: Running) -> None:
    """A program need not have the newest release, as long as its own is live."""
    report = doctor("--host", shop.url, "--plan", str(shop.directory / "releases" / "0001.json"))
    assert report.exit_code == 0
    assert report.checks["revision"]["message"] == "`shop` revision 1 is live; the newest is 2"


def examined(clock: FrozenClock, url: str) -> tuple[dict[str, Finding], int]:
    """Run the checks in this process, by a clock of the test's own."""
    options, origins, plan = read_settings({"write_key": KEY, "host": url}, {})
    case = Case(options, origins, plan, clock=clock)
    findings = list(examine(case))
    return {finding.check: finding for finding in findings}, exit_code(findings, reached=case.reached)


@pytest.mark.parametrize(
    ("ahead_s", "status", "says", "code"),
    [
        (0, "ok", "as the collector's", 0),
        (30, "note", "30 s ahead of the collector's", 0),
        (3600, "problem", "3,600 s ahead of the collector's", 1),
        (-90, "problem", "90 s behind the collector's", 1),
    ],
)
def test_a_clock_that_is_wrong(shop: Running, ahead_s: int, status: str, says: str, code: int) -> None:
    """A clock that is more than a minute off is a problem, a smaller difference is worth a note."""
    clock = FrozenClock(datetime.now(UTC) + timedelta(seconds=ahead_s))
    findings, got = examined(clock, shop.url)
    assert (findings["clock"].status, findings["clock"].message) == (status, says)
    assert got == code


def test_a_spool_that_is_full(tmp_path: Path) -> None:
    """A collector that is full says so at the door, and the event that it does not take is a problem, too."""
    with collector_process(tmp_path, "--max-backlog-mib", "1") as running:
        with Tracker(KEY, host=running.url, close_timeout_s=0) as tracker:
            for number in range(100):
                for _ in range(15):
                    tracker.track("Fill", {"noise": secrets.token_hex(15_000)}, user_id="ana")
                if not tracker.flush(0.5 if number else 10):
                    break
            assert tracker.stats().retries or tracker.stats().pending
        report = doctor("--host", running.url)
    assert (report.exit_code, report.problems) == (1, ["collector", "event"])
    assert "the spool is full" in report.checks["collector"]["message"]
    assert "spool_full" in report.checks["event"]["message"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that no authority has signed, and its key."""
    crt, key = tmp_path / "server.crt", tmp_path / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(crt)]
    subprocess.run(command, check=True, capture_output=True)
    return crt, key


@contextlib.contextmanager
def tls_proxy(certificate: tuple[Path, Path], port: int) -> Iterator[int]:
    """End TLS in front of a port, as a proxy does; give the port to connect to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve_one(plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", port)) as inside,
        ):
            back = threading.Thread(target=pump, args=(inside, outside), daemon=True)
            back.start()
            pump(outside, inside)
            back.join(10)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = server.accept()
                threading.Thread(target=serve_one, args=(plain,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.close()


def test_tls_and_its_mistakes(shop: Running, certificate: tuple[Path, Path]) -> None:
    """
    A trusted certificate is fine; one that nobody trusts, http where TLS is spoken, and https where it is not, are each
    told apart.
    """
    with tls_proxy(certificate, int(shop.url.rpartition(":")[2])) as port:
        trusted = doctor("--host", f"https://localhost:{port}", SSL_CERT_FILE=str(certificate[0]))
        assert (trusted.problems, trusted.exit_code) == ([], 0)
        assert trusted.checks["tls"]["status"] == "ok"

        stranger = doctor("--host", f"https://localhost:{port}")
        assert (stranger.exit_code, stranger.problems) == (4, ["tls"])
        assert "self-signed certificate" in stranger.checks["tls"]["message"].replace("self signed", "self-signed")

        other_name = doctor("--host", f"https://127.0.0.1:{port}", SSL_CERT_FILE=str(certificate[0]))
        assert (other_name.exit_code, other_name.problems) == (4, ["tls"])
        assert "127.0.0.1" in other_name.checks["tls"]["message"]

        plain = doctor("--host", f"http://localhost:{port}")
        assert (plain.exit_code, plain.problems) == (4, ["collector"])
        assert plain.checks["collector"]["mend"] == f"Write https://localhost:{port}."

    too_much = doctor("--host", shop.url.replace("http://", "https://"))
    assert (too_much.exit_code, too_much.problems) == (4, ["tls"])
    assert "no TLS is spoken here" in too_much.checks["tls"]["message"]


def test_no_event_is_sent_where_none_is_wanted(shop: Running) -> None:
    """`--no-event` looks and leaves no trace."""
    report = doctor("--host", shop.url, "--no-event")
    assert (report.exit_code, report.checks["event"]["status"]) == (0, "skipped")


def test_the_collector_judges_only_the_stamp_of_the_test_event() -> None:
    """`$doctor` gets through a plan that knows it not and refuses what it knows not; an unknown stamp is still seen."""
    strict = compile_release(Plan(name="strict", on_violation={"unplanned_event": "reject"}), 1)
    event = {"type": "track", "event": "$doctor", "anonymousId": "trackway-doctor", "properties": {}}
    stamp = {"plan": strict.name, "rev": strict.rev, "hash": strict.hash}
    with collector(strict) as running:
        running.post(
            [{**event, "context": {"protocols": stamp}}, {**event, "context": {"protocols": {**stamp, "rev": 9}}}]
        )
        running.post([{**event, "event": "$doctors"}])
        assert [event.codes for event in running.accepted] == [(), ("unstamped",)]
        assert len(running.rejected) == 1


def test_a_warehouse_that_cannot_be_asked(shop: Running) -> None:
    """Nobody at the warehouse's address is a problem of its own; the event is safe in the collector."""
    report = doctor("--host", shop.url, "--warehouse", f"clickhouse://127.0.0.1:{free_port()}/trackway", "--wait", "1")
    assert (report.exit_code, report.problems) == (1, ["found"])
    assert "the warehouse cannot be asked" in report.checks["found"]["message"]
