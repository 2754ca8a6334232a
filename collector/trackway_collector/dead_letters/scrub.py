"""
What of a refused body is kept: its beginning, without keys, where that may be said at all.

A body that was refused was not judged, so nobody knows what is in it. Where the plan or a privacy rule forbids to store
anything, nothing of it is kept; neither is what could hide a key from the eye: other than JSON, escapes, base64.
"""

from __future__ import annotations

import re

MAX_CHARS = 2_048

_NAMES = r"write_?key|api_?key|access_?key|key|token|secret|password|passwd|authorization|credentials?|signature|cookie"
_SECRET = re.compile(
    rf"""(?ix)
    ( \\*["'][\w$.-]*?(?:{_NAMES})\\*["'] \s* [:=] \s* )     # a name in quotes, quoted once more or not
    ( \\*"(?:[^"\\]|\\.)*"? | '[^']*'? | [^\s,;&}}\]]+ )     # its value, to the end where that is cut off
    """
)
_HIDING = ("\\u", "\\x", "eyJ", "%7B", "%22")
"""Escapes, and JSON in base64 or in a form."""


def kept_body(body: bytes) -> str | None:
    """Return the beginning of a body without keys; None where something in it could be one unseen."""
    try:
        text = body[: MAX_CHARS * 4].decode("utf-8", "strict" if len(body) <= MAX_CHARS * 4 else "ignore")
    except UnicodeDecodeError:
        return None
    text = text[:MAX_CHARS]
    if text.lstrip()[:1] not in ("{", "[") or any(sign in text for sign in _HIDING):
        return None
    return _SECRET.sub(r'\1"…"', text)
