"""Who may ask the console: host names, other pages, token and cookie, and the headers of every answer."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.analytics.console.conftest import TOKEN

pytestmark = pytest.mark.parametrize("engine", ["chdb"], indirect=True)
Client = TestClient[Any, Any]


@pytest.mark.parametrize("path", ["/", "/api/live", "/api/charts/funnel", "/?token=guessed", "/nothing-here"])
async def test_without_the_token_there_is_nothing_to_see(client: Client, path: str) -> None:
    """
    Every path but the static files answers 401, also one that does not exist, and a wrong token is none.
    """
    response = await client.get(path)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_401_page_says_how_to_get_in(client: Client) -> None:
    """A person reads where the address with the token is printed and kept."""
    text = await (await client.get("/")).text()
    assert "trackway up" in text
    assert "store.json" in text


async def test_the_401_of_the_api_is_json(client: Client) -> None:
    """A program gets a code and a message, in the shape of every error of Trackway."""
    answer = await (await client.get("/api/live")).json()
    assert (answer["success"], answer["code"]) == (False, "unauthorized")


async def test_the_token_opens_and_the_cookie_keeps_open(client: Client) -> None:
    """The URL's token sets a cookie that scripts cannot read and other sites cannot send."""
    response = await client.get("/", params={"token": TOKEN})
    assert response.status == 200
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert (await client.get("/api/live")).status == 200


async def test_the_cookie_does_not_hold_the_token(client: Client) -> None:
    """Cookies reach every port of a host; no other server there learns the password of the query port."""
    response = await client.get("/", params={"token": TOKEN})
    assert TOKEN not in response.headers["Set-Cookie"]


async def test_a_bearer_token_opens_the_api(client: Client) -> None:
    """`curl -H "Authorization: Bearer …"` works, and a wrong token does not."""
    assert (await client.get("/api/live", headers={"Authorization": f"Bearer {TOKEN}"})).status == 200
    assert (await client.get("/api/live", headers={"Authorization": "Bearer guessed"})).status == 401
    assert (await client.get("/api/live", headers={"Authorization": "Bearer sch\xf6n"})).status == 401


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1:8078", 200),
        ("localhost", 200),
        ("[::1]:8078", 200),
        ("console.example.com", 200),
        ("evil.example.com", 403),
        ("127.0.0.1.evil.example.com", 403),
        ("localhost@evil.example.com", 403),
        ("[::1", 403),
        ("127.0.0.1:99999", 403),
        ("127.0.0.1:abc", 403),
    ],
)
async def test_only_known_host_names_are_answered(client: Client, host: str, answer: int) -> None:
    """A foreign name that resolves to this machine gets 403, even with the right token."""
    response = await client.get("/", params={"token": TOKEN}, headers={"Host": host})
    assert response.status == answer


@pytest.mark.parametrize("origin", ["http://evil.example.com", "null", "http://localhost:1", "garbage", "http://["])
async def test_other_pages_may_not_ask(client: Client, origin: str) -> None:
    """A request with another page's Origin gets 403, from another port of this machine too."""
    response = await client.get("/api/live", params={"token": TOKEN}, headers={"Origin": origin})
    assert response.status == 403


async def test_its_own_page_may_ask(client: Client) -> None:
    """The console's own Origin is let through."""
    origin = f"http://127.0.0.1:{client.port}"
    response = await client.get("/api/live", params={"token": TOKEN}, headers={"Origin": origin})
    assert response.status == 200


async def test_another_site_may_link_but_not_embed(client: Client) -> None:
    """A link somebody clicks is fine; a script or picture that another site's page loads from here is not."""
    embed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    click = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await client.get("/", params={"token": TOKEN}, headers=embed)).status == 403
    assert (await client.get("/", params={"token": TOKEN}, headers=click)).status == 200


@pytest.mark.parametrize("path", ["/", f"/?token={TOKEN}", "/static/console.js", "/static/nothing", "/api/live"])
async def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    """Pages, refusals, files and 404s alike: no inline script, no framing, no sniffing, no referrer."""
    response = await client.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", ["..%2fguard.py", "%2e%2e%2f%2e%2e%2fapp.py", "console.html", "nothing"])
async def test_only_listed_files_are_static(client: Client, name: str) -> None:
    """No spelling of a path leaves the table of static files."""
    assert (await client.get(f"/static/{name}")).status == 404


async def test_plotly_comes_from_the_python_package(client: Client) -> None:
    """The page needs no network: plotly.js is served from the installed package, and kept by the browser."""
    response = await client.get("/static/plotly.min.js")
    assert response.status == 200
    assert "javascript" in response.headers["Content-Type"]
    again = await client.get("/static/plotly.min.js", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304
