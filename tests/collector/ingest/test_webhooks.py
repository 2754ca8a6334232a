"""Webhooks: who may call, what becomes of a call, and what is never told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.collector.ingest.conftest import Collector, StartCollector
from trackway_collector.config import load_settings
from trackway_collector.errors import ConfigError, RequestRefused
from trackway_collector.ingest.rules.reload import Reload
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_collector.ingest.webhooks.settings import open_webhooks
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release

SECRET = "whsec_a-secret-of-thirty-two-chars"
MAPPING = """\
mapping: 1
messageId: $id
timestamp: {field: created, as: timestamp, format: epoch_s}
userId: $data.object.customer
events:
  - when: {type: checkout.session.completed}
    event: order_paid
    properties:
      total: {field: data.object.amount_total, as: decimal, divide_by: 100, required: true}
      currency: {field: data.object.currency, as: upper}
  - when: {type: ping}
    skip: true
"""
PAID = {
    "id": "evt_1",
    "type": "checkout.session.completed",
    "created": 1_795_000_000,
    "data": {"object": {"customer": "cus_lina", "amount_total": 1990, "currency": "eur"}},
}
EXTRA: dict[str, Any] = {"scheme": "hmac-sha256", "header": "X-Signature"}


def table(**more: Any) -> dict[str, Any]:
    """The table of a webhook."""
    return {"scheme": "stripe", "mapping": "pay.yaml", "secret_file": "secret", "source": "billing"} | more


def hmac_hex(body: bytes, secret: str = SECRET) -> str:
    """The HMAC-SHA256 of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hmac_base64(body: bytes) -> str:
    """The same, in base64."""
    return base64.b64encode(bytes.fromhex(hmac_hex(body))).decode()


def stripe(body: bytes, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
    """The header by which Stripe signs a body."""
    at = int(time.time()) if at is None else at
    return {"Stripe-Signature": f"t={at},v1={hmac_hex(b'%d.' % at + body, secret)}"}


class Provider:
    """Calls a webhook of a running collector."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    async def call(self, payload: Any, headers: dict[str, str] | None = None, name: str = "pay") -> tuple[int, Any]:
        """Call it as Stripe does, or with other headers."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.collector.post(
            f"/v1/webhook/{name}", body, None, **(stripe(body) if headers is None else headers)
        )

    def events(self) -> list[dict[str, Any]]:
        """Every event in the spool."""
        return [event for _, body in self.collector.spooled() for event in json.loads(body)["batch"]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with a secret and a mapping; returns where trackway.toml would be."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "pay.yaml").write_text(MAPPING)
    return tmp_path / "trackway.toml"


async def provider(
    start: StartCollector, config: Path, release: Release | None = None, policy: SourcePolicy | None = None, **more: Any
) -> Provider:
    """A collector with one webhook, `pay`."""
    collector = await start(release, policy=policy)
    webhooks = open_webhooks({"pay": table(**more)}, config)
    collector.ingest.in_force = replace(collector.ingest.in_force, webhooks=webhooks)
    return Provider(collector)


async def test_a_signed_call_becomes_an_event(start_collector: StartCollector, files: Path) -> None:
    """The provider's payload is an event of the webhook's source, with the provider's id and time."""
    pay = await provider(start_collector, files, environment="staging")
    assert await pay.call(PAID) == (200, {"success": True})
    ((record, _),) = pay.collector.spooled()
    assert (record.source, record.environment, record.client) == ("billing", "staging", None)
    assert pay.events() == [
        {
            "type": "track",
            "event": "order_paid",
            "messageId": "evt_1",
            "userId": "cus_lina",
            "timestamp": "2026-11-18T11:06:40Z",
            "properties": {"total": "19.9", "currency": "EUR"},
            "context": {"library": {"name": "trackway-webhook"}},
        }
    ]


async def test_a_repeated_call_has_the_same_id(start_collector: StartCollector, files: Path) -> None:
    """What a provider sends again is known by its id, so that the loader stores it once."""
    pay = await provider(start_collector, files)
    for _ in range(2):
        assert (await pay.call(PAID))[0] == 200
    assert [event["messageId"] for event in pay.events()] == ["evt_1", "evt_1"]


async def test_without_a_signature_nobody_gets_in(start_collector: StartCollector, files: Path) -> None:
    """No signature, another's, an old one, or one for another body: 401, nothing is stored, nothing is given away."""
    pay, body, now = await provider(start_collector, files), json.dumps(PAID).encode(), int(time.time())
    signed = stripe(body)["Stripe-Signature"]
    for header in (
        None,
        "",
        "t=,v1=",
        f"t={now}",
        "v1=" + "0" * 64,
        f"t={now},v1={'0' * 64}",
        stripe(body, secret="another-secret")["Stripe-Signature"],
        stripe(body, at=now - 301)["Stripe-Signature"],
        stripe(body, at=now + 301)["Stripe-Signature"],
        stripe(body + b" ")["Stripe-Signature"],
        signed.replace("t=", "t=1"),
        signed.replace("v1=", "v0="),
    ):
        status, answer = await pay.call(body, {"Stripe-Signature": header} if header is not None else {})
        assert (status, answer["code"]) == (401, "bad_signature"), header
        assert SECRET not in answer["message"]
        assert hmac_hex(b"%d." % now + body) not in answer["message"]
    assert pay.events() == []
    async with pay.collector.client.post("/v1/webhook/pay", data=body) as response:
        assert "WWW-Authenticate" not in response.headers  # no write key would help
    status, answer = await pay.call(PAID, name="nobody")
    assert (status, answer["code"]) == (404, "unknown_webhook")


async def test_a_secret_can_be_changed_without_a_gap(start_collector: StartCollector, files: Path) -> None:
    """Two secrets in the file count alike; so do two signatures of Stripe in one header."""
    (files.parent / "secret").write_text("a-new-secret\n" + SECRET + "\n")
    pay, body, now = await provider(start_collector, files), json.dumps(PAID).encode(), int(time.time())
    assert (await pay.call(body, stripe(body, secret="a-new-secret")))[0] == 200
    assert (await pay.call(body, stripe(body)))[0] == 200
    both = f"t={now},v1={'0' * 64},v1={hmac_hex(b'%d.' % now + body)}"
    assert (await pay.call(body, {"Stripe-Signature": both}))[0] == 200


def test_githubs_own_example(files: Path) -> None:
    """The signature in GitHub's documentation is accepted, and that of another body is not."""
    (files.parent / "secret").write_text("It's a Secret to Everybody")
    hook = open_webhooks({"git": table(scheme="github")}, files)["git"]
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    hook.signature.check({"X-Hub-Signature-256": signature}, b"Hello, World!", 0)
    with pytest.raises(RequestRefused):
        hook.signature.check({"X-Hub-Signature-256": signature}, b"Hello, World?", 0)


@pytest.mark.parametrize(
    ("more", "header"),
    [
        ({"scheme": "shopify"}, lambda body: ("X-Shopify-Hmac-Sha256", hmac_base64(body))),
        (EXTRA, lambda body: ("X-Signature", hmac_hex(body))),
        (EXTRA | {"prefix": "v1="}, lambda body: ("x-signature", "v1=" + hmac_hex(body))),
        (EXTRA | {"encoding": "base64"}, lambda body: ("X-Signature", hmac_base64(body))),
        (EXTRA | {"signed": "pre:{body}"}, lambda body: ("X-Signature", hmac_hex(b"pre:" + body))),
    ],
    ids=["shopify", "hex", "prefix", "base64", "template"],
)  # fmt: skip
async def test_other_schemes(start_collector: StartCollector, files: Path, more: Any, header: Any) -> None:
    """Shopify's header, and headers of one's own in hex or base64."""
    pay, body = await provider(start_collector, files, **more), json.dumps(PAID).encode()
    name, value = header(body)
    assert (await pay.call(body, {name: value}))[0] == 200
    assert (await pay.call(body + b" ", {name: value}))[0] == 401
    assert (await pay.call(body, {name: "é" + value}))[0] == 401


async def test_a_header_with_the_time_of_signing(start_collector: StartCollector, files: Path) -> None:
    """Where the time is signed, one that is too far from ours is refused."""
    pay = await provider(start_collector, files, **EXTRA, timestamp_header="X-Time", tolerance_s=60)
    body = json.dumps(PAID).encode()
    for at, status in ((int(time.time()), 200), (int(time.time()) - 90, 401)):
        headers = {"X-Signature": hmac_hex(b"%d.%s" % (at, body)), "X-Time": str(at)}
        assert (await pay.call(body, headers))[0] == status


async def test_headers_forms_and_lists(start_collector: StartCollector, files: Path) -> None:
    """A mapping reads the headers that it may; a form is a record of texts, JSON that is called a form is JSON."""
    (files.parent / "pay.yaml").write_text(
        "mapping: 1\nevent: git_$${_headers.x-kind}\nmessageId: $id\nuserId: lina\n".replace("$$", "$")
    )
    pay = await provider(start_collector, files, **EXTRA, headers=["X-Kind"])
    for body, kind in (
        (b'[{"id": "a"}, {"id": "b"}]', "application/json"),
        (b"id=c&x=%C3%A9", ""),
        (b' {"id": "d"}', ""),
    ):
        kind = kind or "application/x-www-form-urlencoded"
        headers = {"X-Signature": hmac_hex(body), "X-Kind": "push", "Content-Type": kind}
        assert (await pay.call(body, headers))[0] == 200
    assert [(event["event"], event["messageId"]) for event in pay.events()] == [
        ("git_push", "a"),
        ("git_push", "b"),
        ("git_push", "c"),
        ("git_push", "d"),
    ]


async def test_calls_to_skip_and_calls_that_make_no_sense(start_collector: StartCollector, files: Path) -> None:
    """What the mapping skips is answered with 200 and not stored; what is no JSON object gets 400."""
    pay = await provider(start_collector, files)
    assert (await pay.call({"type": "ping"}))[0] == 200
    for body in (b"{", b"[1]", b'"x"', b""):
        status, answer = await pay.call(body)
        assert (status, answer["code"]) == (400, "malformed_json")
    assert pay.events() == []


async def test_what_the_mapping_cannot_take_goes_to_quarantine(start_collector: StartCollector, files: Path) -> None:
    """A signed call that no event can be made of is kept whole, with the reason, so that it can be brought in later."""
    pay = await provider(start_collector, files)
    strange: dict[str, Any] = PAID | {"data": {"object": {}}}
    assert (await pay.call([PAID, strange]))[0] == 200
    ((record, body),) = pay.collector.spooled()
    verdict = record.exceptions[1]
    assert (verdict.outcome, verdict.violations) == ("quarantined", ("unmapped",))
    assert verdict.reasons == ("The mapping cannot take it: properties.total: `data.object.amount_total` is missing.",)
    assert json.loads(body)["batch"][1] == strange
    assert pay.collector.ingest.counters.events["billing", "quarantined"] == 1


async def test_where_something_must_not_be_stored_it_is_refused(start_collector: StartCollector, files: Path) -> None:
    """Where the plan forbids to store something, a call that cannot be mapped might hold it: 422."""
    email = PropertySpec(name="email", kind="string", store="drop")
    plan = Plan(name="shop", events={"order_paid": EventSpec(name="order_paid", properties={"email": email})})
    pay = await provider(start_collector, files, compile_release(plan, 1))
    status, answer = await pay.call(PAID | {"data": {"object": {"email": "lina@example.org"}}})
    assert (status, answer["code"]) == (422, "webhook_unmapped")
    assert "example.org" not in answer["message"]
    assert pay.events() == []
    assert (await pay.call(PAID))[0] == 200


async def test_a_mapped_call_is_stamped_and_judged(
    start_collector: StartCollector, files: Path, garden: Release
) -> None:
    """Events of webhooks are judged by the newest release, and stamped with it: no `unstamped` among the findings."""
    pay = await provider(start_collector, files, garden)
    assert (await pay.call(PAID))[0] == 200
    ((record, _),) = pay.collector.spooled()
    assert record.validated_rev == 3
    assert record.exceptions[0].violations == ("unplanned_event",)
    assert pay.events()[0]["context"]["protocols"]["rev"] == 3


WRONG = [
    ({"schema": "stripe"}, "`schema` is not known.\n  Did you mean `scheme`?"),
    ({"scheme": "paypal"}, "`scheme` is wrong: invalid enum value 'paypal'.\n  Known: stripe, github, shopify, hmac"),
    ({"secret_env": "X"}, "say once where the secret is: `secret_env` or `secret_file`."),
    ({"secret_file": ""}, "say once where the secret is"),
    ({"secret_file": "nowhere"}, "the secret cannot be read"),
    ({"secret_file": "", "secret_env": "TRACKWAY_TEST_NO_SUCH_SECRET"}, "has no secret"),
    ({"secret_file": "short"}, "too short to keep anybody out"),
    ({"scheme": "hmac-sha256"}, "needs the name of the `header` with the signature"),
    ({"mapping": "nowhere.yaml"}, "the file cannot be read"),
    ({"environment": "prod"}, "`environment` is one of production, staging, development."),
]


@pytest.mark.parametrize(("more", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_table_says_how_to_mend_it(files: Path, more: Any, message: str) -> None:
    """A table that cannot be used ends the start with its name and the cure; the secret is in no message."""
    (files.parent / "short").write_text("abc-xyz")
    with pytest.raises(ConfigError) as raised:
        open_webhooks({"pay": table(**more)}, files)
    assert "[webhooks.pay]" in str(raised.value)
    assert message in str(raised.value)
    assert "abc-xyz" not in str(raised.value)


def test_webhooks_change_while_the_collector_runs(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A changed table, mapping or secret is in force at the next look; a broken one changes nothing and is logged."""
    files.write_text(
        '[write_keys]\nweb = "key"\n[webhooks.pay]\nscheme = "github"\nmapping = "pay.yaml"\nsecret_file = "secret"\n'
    )
    settings, _ = load_settings({"data_dir": files.parent / "data"}, {}, files.parent)
    reload = Reload(settings)
    first = reload.in_force.webhooks["pay"]
    assert first.grant.source == "pay"
    assert reload.refresh() is None
    (files.parent / "pay.yaml").write_text(MAPPING.replace("order_paid", "order_settled"))
    changed = reload.refresh()
    assert changed is not None
    event = changed.webhooks["pay"].mapping.event(PAID)
    assert event is not None
    assert event["event"] == "order_settled"
    with caplog.at_level(logging.ERROR):
        (files.parent / "pay.yaml").write_text("mapping: 1\n")
        assert reload.refresh() is None
    assert "the event has no name" in caplog.text
    assert reload.failures == 1
    assert SECRET not in caplog.text + repr(changed)
