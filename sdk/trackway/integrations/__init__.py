"""
What ties a scope to the work of a framework: a request, a task. Each module is for one framework and imports it;
`asgi` and `wsgi` import nothing.

    from trackway.integrations import Cookie
    from trackway.integrations.asgi import TrackwayMiddleware

    app.add_middleware(TrackwayMiddleware, anonymous_id=Cookie("visit"), user_id=lambda scope: scope["user"].id)

The way of a request through this package: the framework's module makes a `Request` of it (`_request`), `_binding` opens
a scope, and the first event that is tracked inside has `_request` and `_address` make a context of the request.
"""

from trackway.integrations._binding import Cookie, Header
from trackway.integrations._request import HIDDEN_WORDS

__all__ = ["HIDDEN_WORDS", "Cookie", "Header"]
