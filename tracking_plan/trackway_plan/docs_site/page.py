"""The site as one HTML file: shell, style, script and data, each checked by the page's own security policy."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ..reports.escape import encodable

STYLES = ("page.css",)
SCRIPTS = ("text.js", "search.js", "parts.js", "pages.js", "page.js")
"""In the order in which they build on each other; together they are one script."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def page(data: Mapping[str, Any]) -> str:
    """
    The HTML of the whole site.

    The policy allows this style and this script by their hashes and nothing else: no request can leave, and no
    markup of a plan could run even if it became an element.
    """
    style, script = (_joined(names) for names in (STYLES, SCRIPTS))
    values = {
        "title": html.escape(data["plan"]["name"]),
        "policy": f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}",
        "style": style,
        "script": script,
        "data": data_text(data),
    }
    # In one pass over the shell: a plan that has {{script}} in a text gets no script there.
    return _SLOT.sub(lambda slot: values[slot[1]], _static("page.html"))


def data_text(data: Mapping[str, Any]) -> str:
    """The data as JSON that cannot end its element, one event a line, so that two sites can be compared."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list) and value:
            items = ",\n".join(_json(item) for item in value)
            lines.append(f"{_json(key)}: [\n{items}\n]")
        else:
            lines.append(f"{_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}"


def _json(value: Any) -> str:
    text = json.dumps(encodable(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: _UNSAFE[found[0]], text)


def _joined(names: tuple[str, ...]) -> str:
    # Browsers hash what stands between the tags, to the last newline.
    return "\n" + "\n".join(_static(name) for name in names)


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")
