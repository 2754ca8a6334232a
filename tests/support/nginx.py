"""A real nginx, without root, with the configuration of collector/deploy and a certificate that it signs itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.support.house import ROOT, free_port, wait_for
from tests.support.wire import Address

SITE = ROOT / "collector" / "deploy" / "nginx" / "trackway.conf"

MAIN = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile 4096;
error_log {directory}/error.log warn;
pid {directory}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/trackway.conf;
}}
"""


class Nginx:
    """
    An nginx in a directory of its own, in front of a collector.

    Args:
        replaced: text of the site's configuration → what stands there instead, besides ports and file names.
    """

    def __init__(self, directory: Path, collector_port: int, replaced: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.plain, self.tls = Address(free_port()), Address(free_port(), tls=True)
        directory.mkdir(parents=True, exist_ok=True)
        self._certificate()
        site = SITE.read_text("utf-8")
        for shown, real in {
            "listen 80 ": f"listen 127.0.0.1:{self.plain.port} ",
            "listen 443 ": f"listen 127.0.0.1:{self.tls.port} ",
            "127.0.0.1:8077": f"127.0.0.1:{collector_port}",
            "/etc/letsencrypt/live/events.example.com": str(directory),
            "/var/log/nginx": str(directory),
            **(replaced or {}),
        }.items():
            assert shown in site, f"{SITE} says no longer {shown!r}"
            site = site.replace(shown, real)
        (directory / "trackway.conf").write_text(site)
        (directory / "nginx.conf").write_text(MAIN.format(directory=directory))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """How nginx is called with this configuration."""
        binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/bin:/usr/local/bin")
        assert binary, "nginx is not installed: apt-get install nginx-light"
        return [binary, "-p", str(self.directory), "-c", str(self.directory / "nginx.conf")]

    def test(self) -> str:
        """Return what `nginx -t` says; fails when it finds a mistake."""
        done = subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, 20, f"nginx listens; its log is {self.directory}/error.log")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def log(self) -> str:
        """Everything that it has written to its logs."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.directory.glob("*.log")))

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            with self.tls.connection():
                return True
        except OSError:
            return False

    def _certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
        files = ["-keyout", str(self.directory / "privkey.pem"), "-out", str(self.directory / "fullchain.pem")]
        subprocess.run([*command, *names, *files], check=True, capture_output=True)


def directives(text: str, name: str) -> list[str]:
    """Return the arguments of every directive of this name in a configuration."""
    return re.findall(rf"^\s*{re.escape(name)}\s+([^;]*);", text, re.MULTILINE)
