"""Pages and JSON answers: Jinja2 with autoescape, and one shape for every refusal."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import jinja2
from aiohttp import web


class Renderer:
    """Renders the templates of the console; a value reaches HTML only through autoescape."""

    @cached_property
    def _environment(self) -> jinja2.Environment:
        return jinja2.Environment(
            loader=jinja2.PackageLoader("trackway_analytics.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, template: str, status: int = 200, **values: object) -> web.Response:
        """Return the HTML of `template`."""
        text = self._environment.get_template(template).render(**values)
        return web.Response(text=text, status=status, content_type="text/html")

    def refusal(self, request: web.Request, status: int, code: str, message: str) -> web.Response:
        """Return JSON to whoever asks the API, and a page that says how to mend it to a person."""
        if request.path.startswith("/api/"):
            response = answer_json({"success": False, "code": code, "message": message}, status)
        else:
            response = self.page("refused.html", status, code=status, message=message)
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="trackway console"'
        return response


def answer_json(value: Any, status: int = 200) -> web.Response:
    """Return `value` as JSON; NaN must have become None before, because JSON has no NaN."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Stored strings are any bytes; a lone surrogate becomes a question mark instead of an error.
    return web.Response(body=text.encode(errors="replace"), status=status, content_type="application/json")
