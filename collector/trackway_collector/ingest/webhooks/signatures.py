"""
Who calls: the signatures of webhooks, each an HMAC-SHA256 with a secret that only the provider and we know.

    stripe       Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX]     over `SECONDS.BODY`
    github       X-Hub-Signature-256: sha256=HEX                 over the body
    shopify      X-Shopify-Hmac-Sha256: BASE64                   over the body
    hmac-sha256  a header of your choice, hex or base64, over the body or over a time and the body

A signature without a time in it can be sent again by whoever has seen it once; the event's id makes that a duplicate.
Several secrets count alike, so that one can be changed for another without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trackway_collector.errors import RequestRefused

Scheme = Literal["stripe", "github", "shopify", "hmac-sha256"]
Encoding = Literal["hex", "base64"]

MAX_SIGNATURES = 10
"""A header has one, or two while a secret is changed; no more are tried."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How a provider signs."""

    secrets: Sequence[bytes] = field(repr=False)
    header: str
    encoding: Encoding = "hex"
    prefix: str = ""
    timestamp_header: str = ""
    """Where the time of signing stands, in seconds since 1970; empty: it is not signed."""
    signed: str = "{body}"
    """What is signed: `{timestamp}` and `{body}` in a text."""
    tolerance_s: int = 300
    """How far the time of signing may be from ours, seconds."""
    listed: bool = False
    """The header is Stripe's list of `t=` and `v1=`."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
        """
        Return when the body was signed with one of the secrets, lately enough.

        Raises:
            RequestRefused: 401; the message never has the signature or a secret in it.
        """
        given = headers.get(self.header, "")
        timestamp, signatures = _stripe(given) if self.listed else (headers.get(self.timestamp_header, ""), [given])
        found = [bytes_ for text in signatures if (bytes_ := self._decoded(text)) is not None]
        if not found:
            message = f"`{self.header}` with a signature is missing"
            raise _refused(message)
        if (self.listed or self.timestamp_header) and not self._is_in_time(timestamp, now_s):
            message = f"it was signed at another time than now, by more than {self.tolerance_s} s"
            raise _refused(message)
        before, _, after = self.signed.replace("{timestamp}", timestamp).partition("{body}")
        signed = before.encode() + body + after.encode()
        expected = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in self.secrets]
        # Every pair is compared, each in constant time: how long it takes says nothing about any of them.
        equal = [hmac.compare_digest(one, other) for one in expected for other in found]
        if not any(equal):
            message = "the signature is not made of this body with the secret that is set"
            raise _refused(message)

    def _decoded(self, text: str) -> bytes | None:
        if not text.startswith(self.prefix):
            return None
        text = text.removeprefix(self.prefix).strip()
        try:
            digest = bytes.fromhex(text) if self.encoding == "hex" else base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            return None
        return digest if len(digest) == hashlib.sha256().digest_size else None

    def _is_in_time(self, timestamp: str, now_s: float) -> bool:
        return (
            timestamp.isascii()
            and timestamp.isdigit()
            and len(timestamp) <= len("9999999999")
            and abs(now_s - int(timestamp)) <= self.tolerance_s
        )


def _stripe(header: str) -> tuple[str, list[str]]:
    parts = [part.strip().partition("=") for part in header.split(",")[: MAX_SIGNATURES + 1]]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    return timestamp, [value for name, _, value in parts if name == "v1"]


def _refused(why: str) -> RequestRefused:
    return RequestRefused(401, "bad_signature", f"The webhook's signature cannot be accepted: {why}.")
