"""Generated clients: laid out, typed, and saying to the collector what the plan says."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.sdk.loopback import Loopback
from tests.support.typescript import CompilerMissingError, tsc
from tests.tracking_plan.generate.nasty import NAMES, nasty_release
from trackway import Tracker
from trackway.typed import UNSET
from trackway_plan import Release, Validator
from trackway_plan.generate import client_text
from trackway_plan.generate.files import release_for
from trackway_plan.generate.python import argument_names, function_names
from trackway_plan.loading.plan import load_plan

EXAMPLES = Path(__file__).parents[3] / "tracking_plan" / "examples"
MOMENT = datetime(2026, 5, 19, 8, 30, tzinfo=UTC)


def releases() -> dict[str, Release]:
    """The example plans and the nasty one."""
    found = {name: release_for(load_plan(EXAMPLES / name), EXAMPLES / name) for name in ("storefront", "demo")}
    return found | {"nasty": nasty_release()}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients of all plans, in both languages."""
    folder = tmp_path_factory.mktemp("clients")
    for name, release in releases().items():
        (folder / f"{name}_client.py").write_text(client_text(release, "python"), encoding="utf-8")
        (folder / f"{name}_client.ts").write_text(client_text(release, "typescript"), encoding="utf-8")
    return folder


def module(folder: Path, name: str) -> ModuleType:
    """A generated client, imported."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}_client.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def sent() -> Iterator[tuple[Tracker, Loopback]]:
    """A tracker that checks by the nasty plan, and what it sends over real HTTP."""
    with (
        Loopback() as loopback,
        Tracker("key", host=loopback.url, plan=nasty_release(), on_violation="flag") as tracker,
    ):
        yield tracker, loopback


def stored(sent: tuple[Tracker, Loopback]) -> list[dict[str, Any]]:
    """The events that arrived."""
    assert sent[0].flush()
    return sent[1].stored


def complete(**more: object) -> dict[str, Any]:
    """The required arguments of the nasty `Order Completed`."""
    return {
        "day": date(2026, 5, 19),
        "at": MOMENT,
        "price": Decimal("1E+2"),
        "one": "only",
        "tags": [{"amount": Decimal("0.000000100")}],
        "user_id": "ana",
    } | more


@pytest.mark.parametrize("width", [88, 120])
def test_the_python_is_formatted_whatever_the_line_length(clients: Path, width: int) -> None:
    """ruff leaves every client as it is, at its own default of 88 columns and at 120."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--diff",
        "--line-length",
        str(width),
        str(clients),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_python_has_no_lint(clients: Path) -> None:
    """No unused or unsorted import, no undefined name."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B", str(clients)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


USES = """
from datetime import date, datetime
from decimal import Decimal

import nasty_client
from nasty_client import identify, opened
from storefront_client import OrderLine, order_completed, product_viewed
from trackway import Tracker
from trackway.typed import UNSET


def right(tracker: Tracker) -> None:
    line: OrderLine = {"sku": "TEA-100", "quantity": 2, "price_minor": 1250}
    order_completed(
        tracker, order_id="A-1", payment_method="card", amount_minor=1, currency="EUR", items=[line], user_id="ana"
    )
    order_completed(
        tracker, order_id="A", payment_method="wallet", amount_minor=1, currency="EUR", items=(line,), coupon=None,
        delivery_on=date.today(), weight_kg=Decimal("1.5"), timestamp=datetime.now(), wallet_brand="apple",
    )
    product_viewed(tracker, sku="TEA-100", rating=UNSET, position=None, anonymous_id=7)
    opened(tracker, known=1, other_properties={"new": True})
    identify(tracker, vip=True, user_id="ana")


def wrong(tracker: Tracker) -> None:
    product_viewed(tracker)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    product_viewed(tracker, "TEA-100")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    product_viewed(tracker, sku=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    product_viewed(tracker, sku="A", colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    line: OrderLine = {"sku": "A"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
    cash = "cash"
    order_completed(
        tracker, order_id="A", amount_minor=1, currency="EUR", items=[line],
        payment_method=cash,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )
    nasty_client.old_one(tracker)  # type: ignore[deprecated]  # pyright: ignore[reportDeprecated]
"""


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_type_checkers_pass_right_calls_and_refuse_wrong_ones(clients: Path, checker: str) -> None:
    """
    mypy --strict and pyright accept the clients and right calls, and find each wrong one and the deprecated call:
    both count an ignore that is not needed as an error.
    """
    root = EXAMPLES.parents[1]
    (clients / "uses.py").write_text(USES, encoding="utf-8")
    files = [str(path) for path in sorted(clients.glob("*.py"))]
    paths = [str(clients), str(root / "sdk"), str(root / "tracking_plan")]
    if checker == "mypy":
        (clients / "mypy.ini").write_text(f"[mypy]\nmypy_path = {':'.join(paths)}\n", encoding="utf-8")
        options = ["--config-file", str(clients / "mypy.ini"), "--strict", "--enable-error-code", "deprecated"]
        command = [*options, "--explicit-package-bases", "--follow-imports=silent", *files]
    else:
        settings = {
            "include": ["."],
            "extraPaths": paths,
            "typeCheckingMode": "strict",
            "reportDeprecated": "error",
            "reportUnnecessaryTypeIgnoreComment": "error",
            "enableTypeIgnoreComments": False,
            "reportMissingTypeStubs": False,
        }
        (clients / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
        # Without it, pyright looks for msgspec in the first `python` of PATH, not where the tests run.
        command = ["-p", str(clients), "--pythonpath", sys.executable]
    done = subprocess.run([sys.executable, "-m", checker, *command], cwd=clients, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


TS_USES = """
import { namesOf, type Use } from "./uses_of_types";
import { orderCompleted, productViewed, track, identify, type OrderLine } from "./storefront_client";

const tracker = { track: (_event: string, _properties?: object): number => 1 };
const line: OrderLine = { sku: "TEA-100", quantity: 2, price_minor: 1250 };
const order = { order_id: "A-1", amount_minor: 1, currency: "EUR", items: [line] };
const sent: number = orderCompleted(tracker, { ...order, payment_method: "card", coupon: null });
track(tracker, "product_viewed", { sku: "TEA-100", position: undefined }, { timestamp: new Date() });
// @ts-expect-error: no such choice
orderCompleted(tracker, { ...order, payment_method: "cash" });
// @ts-expect-error: sku is required
productViewed(tracker, {});
// @ts-expect-error: not in the plan
productViewed(tracker, { sku: "TEA-100", colour: "red" });
// @ts-expect-error: no such event
track(tracker, "product_vewed", { sku: "TEA-100" });
// @ts-expect-error: this tracker cannot identify
identify(tracker, "ana", {});
export const all: [number, Use, unknown] = [sent, {}, namesOf];
"""


def test_typescript_passes_right_calls_and_refuses_wrong_ones(clients: Path) -> None:
    """`tsc --strict` accepts the clients and right calls, and finds each wrong one."""
    (clients / "uses_of_types.ts").write_text("export type Use = object;\nexport const namesOf = 1;\n")
    (clients / "uses.ts").write_text(TS_USES, encoding="utf-8")
    try:
        done = tsc(sorted(clients.glob("*.ts")))
    except CompilerMissingError as error:
        pytest.skip(str(error))
    assert done.returncode == 0, done.stdout


def test_every_name_is_mapped_back_to_the_key_of_the_plan(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """Keywords, spaces, scripts, emoji and names that become one another arrive under the plan's own keys."""
    arguments = argument_names(NAMES)
    values = {name: number for number, name in enumerate(NAMES)}
    assert len(set(arguments.values())) == len(NAMES)
    module(clients, "nasty").names(
        sent[0], **{arguments[name]: number for name, number in values.items()}, user_id="ana"
    )
    [event] = stored(sent)
    assert event["properties"] == values
    assert "violations" not in event["context"]["protocols"]


def test_every_event_in_use_has_a_function_that_sends_its_name(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """Events without properties or groups have one too; retired events have none."""
    client, release = module(clients, "nasty"), nasty_release()
    in_use = {name for name, event in release.events.items() if event.status != "retired"}
    simple = {name for name in in_use if not any(spec.required for spec in release.events[name].properties.values())}
    functions = function_names(in_use)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in sorted(simple):
            assert getattr(client, functions[name])(sent[0], user_id="ana") is not None
    assert sorted(event["event"] for event in stored(sent)) == sorted(simple)
    assert "bare" in simple
    assert "gone" not in client_text(release, "python")
    assert "gone" not in client_text(release, "typescript")


def test_values_are_judged_as_they_are_written(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """Decimal, date, datetime, UUID and Enum, however deep, fit the plan once they are JSON."""

    class Size(Enum):
        SMALL = "s"

    arguments = complete(
        day=MOMENT,  # a datetime is a date to Python
        prices=[Decimal("1E+3"), "2.50"],
        grid=[[date(2026, 1, 2), None]],
        odd={
            "class": "x",
            'q"uote': Decimal("1E1"),
            "with space": {"amount": Decimal("-3"), "since": date(2026, 1, 2)},
        },
        union=Decimal("1E+2"),
        uid=UUID(int=7),
        size=Size.SMALL,
    )
    function = function_names(nasty_release().events)["Order Completed"]
    getattr(module(clients, "nasty"), function)(sent[0], **arguments)
    [event] = stored(sent)
    assert "violations" not in event["context"]["protocols"]
    assert Validator(nasty_release()).check_track("Order Completed", event["properties"]).outcome == "ok"
    assert event["properties"] == {
        "day": "2026-05-19",
        "at": "2026-05-19T08:30:00Z",
        "price": "100",
        "one": "only",
        "tags": [{"amount": "0.000000100"}],
        "prices": ["1000", "2.50"],
        "grid": [["2026-01-02", None]],
        "odd": {"class": "x", 'q"uote': "10", "with space": {"amount": "-3", "since": "2026-01-02"}},
        "union": "100",
        "uid": "00000000-0000-0000-0000-000000000007",
        "size": "s",
    }


def test_none_is_null_where_the_plan_allows_it_and_absent_elsewhere(
    clients: Path, sent: tuple[Tracker, Loopback]
) -> None:
    """A choice that may be null is sent as null; an optional one that may not is left out; UNSET always is."""
    function = getattr(module(clients, "nasty"), function_names(nasty_release().events)["Order Completed"])
    function(sent[0], **complete(size=None, quoted=None, anything=None))
    function(sent[0], **complete(size=UNSET))
    first, second = (event["properties"] for event in stored(sent))
    assert (first["size"], first["anything"], "quoted" in first) == (None, None, False)
    assert "size" not in second
    assert all("violations" not in event["context"]["protocols"] for event in sent[1].stored)


def test_a_wrong_value_gets_the_verdict_it_always_gets(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """Nothing raises in the client: untyped callers get the tracker's own verdict."""
    function = getattr(module(clients, "nasty"), function_names(nasty_release().events)["Order Completed"])
    assert function(sent[0], **complete(tags=7, price=object, grid="x", odd=3)) is not None
    [event] = stored(sent)
    codes = {(each["code"], each["path"]) for each in event["context"]["protocols"]["violations"]}
    assert {("wrong_type", "/tags"), ("wrong_type", "/grid"), ("wrong_type", "/odd")} <= codes


def test_traits_go_through_identify_and_group(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """Traits are typed as properties are; names that are taken by the call itself are mapped back."""
    client = module(clients, "nasty")
    client.identify(sent[0], vip=True, born=date(1990, 1, 2), user_id="ana")
    client.group(sent[0], "acme", user_id_="u", group_id_=3, seats=None, user_id="ana")
    first, second = stored(sent)
    assert (first["type"], first["traits"]) == ("identify", {"vip": True, "born": "1990-01-02"})
    assert (second["groupId"], second["traits"]) == ("acme", {"user_id": "u", "group_id": 3, "seats": None})


def test_a_deprecated_event_warns_where_it_is_called(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """The warning says what to send instead and points at the caller; the event is sent."""
    client = module(clients, "nasty")
    with pytest.warns(DeprecationWarning, match=r"removed after 2027-01-31. Send `names` instead") as caught:
        client.old_one(sent[0], user_id="ana")
    assert caught[0].filename == __file__
    assert len(stored(sent)) == 1


def test_an_open_event_takes_other_properties(clients: Path, sent: tuple[Tracker, Loopback]) -> None:
    """They are sent by their own names, and the known ones win."""
    module(clients, "nasty").opened(sent[0], known=1, other_properties={"new": 2, "known": 3}, user_id="ana")
    assert stored(sent)[0]["properties"] == {"new": 2, "known": 1}


def test_the_client_says_what_it_was_made_from(clients: Path) -> None:
    """Plan, revision and hash stand in the module, in both languages, below a head that says not to edit."""
    release = nasty_release()
    client = module(clients, "nasty")
    assert (client.PLAN, client.REV, client.HASH) == (release.name, 7, release.hash)
    for suffix in ("py", "ts"):
        text = (clients / f"nasty_client.{suffix}").read_text("utf-8")
        assert "Do not edit" in text[:400]
        assert release.hash in text


def test_docstrings_hold_what_the_plan_says() -> None:
    """Summary, moment, owner, sources, natural key, rules; of a property its range, unit and pii class."""
    text = client_text(releases()["storefront"], "python")
    for part in (
        "A payment was captured and the order has a number.",
        "When: after the payment provider confirms; once per order. Owner: checkout-team.",
        "Sent by: api. Once per: order_id.",
        '`wallet_brand` is required when `payment_method` is "wallet".',
        'price_minor: int """An integer, at least 0, in minor. PII: none."""',
        "order_id: Text, at most 40 characters. PII: pseudonymous.",
        "wallet (Apple Pay or Google Pay)",
    ):
        assert part in " ".join(text.split())
    assert "Draft: not in the plan for good yet" in client_text(nasty_release(), "python")


def test_the_same_plan_gives_the_same_text() -> None:
    """The text depends on what the plan says, not on the order in which it says it."""
    release = nasty_release()
    turned = msgspec.structs.replace(release, events=dict(reversed(release.events.items())))
    reread = Release.from_json(turned.to_json())
    for language in ("python", "typescript"):
        assert client_text(reread, language) == client_text(release, language)
