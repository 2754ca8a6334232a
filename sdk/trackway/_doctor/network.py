"""The way to the collector's door: the name, the port, TLS."""

from __future__ import annotations

import os
import socket
import ssl
import time
from typing import TYPE_CHECKING

from trackway._doctor.findings import Finding, UnreachableError, note, ok, problem, skipped

if TYPE_CHECKING:
    from trackway._doctor.case import Case

EXPIRES_SOON_S = 14 * 86_400


def check_name(case: Case) -> Finding:
    """Resolve the host's name."""
    try:
        found = socket.getaddrinfo(case.hostname, case.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        mend = f"Correct the host (now from: {case.origins['host']}), or this machine's DNS."
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreachableError(problem("name", f"`{case.hostname}` is not found: {said}", mend)) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return ok("name", f"{case.hostname} is {', '.join(addresses)}", addresses=addresses)


def check_connection(case: Case) -> Finding:
    """Open a connection, as the SDK would."""
    began = time.monotonic()
    try:
        connection = socket.create_connection((case.hostname, case.port), case.timeout_s)
    except OSError as error:
        said = "no answer" if isinstance(error, TimeoutError) else (error.strerror or type(error).__name__)
        mend = (
            f"Is the collector running, and is this its port (host comes from: {case.origins['host']})? `trackway up` "
            "says where it listens, 127.0.0.1:8077 by default. From another machine, look at firewalls and proxies."
        )
        what = f"{case.hostname} port {case.port}: {said}"
        raise UnreachableError(problem("connection", what, mend + _about_proxies())) from error
    took_ms = (time.monotonic() - began) * 1000
    with connection:
        peer = connection.getpeername()[0]
    return ok("connection", f"{peer} port {case.port} answers within {took_ms:.1f} ms", connect_ms=round(took_ms, 1))


def check_tls(case: Case) -> Finding:
    """Shake hands and check the certificate, by the system's authorities as the SDK does."""
    if not case.secure:
        local = case.hostname in ("localhost", "127.0.0.1", "::1")
        mend = "" if local else "Events and key travel in the clear. Put TLS in front, and write https://."
        return skipped("tls", "not used: http, to this machine") if local else note("tls", "not used: http", mend)
    try:
        with socket.create_connection((case.hostname, case.port), case.timeout_s) as plain:
            context = ssl.create_default_context()
            with context.wrap_socket(plain, server_hostname=case.hostname) as secure:
                certificate, version = secure.getpeercert() or {}, secure.version()
    except ssl.SSLCertVerificationError as error:
        mend = (
            "Give the server a certificate for this name from an authority that this system trusts. For an authority "
            "of your own, SSL_CERT_FILE names the file with its certificate."
        )
        what = f"the certificate is not accepted: {error.verify_message}"
        raise UnreachableError(problem("tls", what, mend)) from error
    except (ssl.SSLError, ConnectionError, TimeoutError) as error:
        mend = f"If this port is served without TLS, write http://{case.hostname}:{case.port}; else look at the proxy."
        said = error.reason if isinstance(error, ssl.SSLError) else type(error).__name__
        raise UnreachableError(problem("tls", f"no TLS is spoken here ({said})", mend)) from error
    left_s = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - case.clock.time_ns() / 1e9
    facts = {"version": version, "certificate_days_left": int(left_s // 86_400)}
    if left_s < EXPIRES_SOON_S:
        return note("tls", f"{version}; the certificate ends in {left_s / 86_400:.0f} days", "Renew it.", **facts)
    return ok("tls", f"{version}, the certificate is accepted", **facts)


def _about_proxies() -> str:
    named = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    return f" {' and '.join(named)} is set here; the SDK connects directly and uses no proxy." if named else ""


def speaks_tls(case: Case) -> bool:
    """Return whether the port answers a TLS handshake, whatever its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: the only question is which protocol this is
    try:
        with (
            socket.create_connection((case.hostname, case.port), case.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=case.hostname),
        ):
            return True
    except OSError:
        return False
