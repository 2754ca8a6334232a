"""The fixture `tracked`, in real inner pytest sessions of somebody who tests a shop."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.house import environment
from trackway_plan import Release

pytest_plugins = ["pytester"]

SHOP = """
from trackway import Tracker

tracker = Tracker("shop-key", host="http://127.0.0.1:9", exit_timeout_s=0)


def pay(order_id, total, user_id="ana"):
    tracker.track("Order Completed", {"order_id": order_id, "total": total}, user_id=user_id)


def sign_in(user_id):
    tracker.identify(user_id, {"email": f"{user_id}@example.com"})
"""


@pytest.fixture
def shop(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, shop_release: Release) -> pytest.Pytester:
    """A folder with the shop, its plan, and room for tests of it."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), environment()["PYTHONPATH"]]))
    pytester.makepyfile(shop=SHOP)
    (pytester.path / "plan.json").write_bytes(shop_release.to_json())
    return pytester


def run(shop: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Run a test file of the shop in a session of its own."""
    shop.makepyfile(test_shop=test)
    # Installed, the plugin loads by its entry point; both ways it is there once.
    plugins = ("-p", "no:trackway", "-p", "trackway._pytest_plugin", "-p", "no:cacheprovider")
    command = (sys.executable, "-m", "pytest", *plugins, *options)
    return shop.run(*command, timeout=240)


def test_a_tracker_made_at_import_is_heard(shop: pytest.Pytester) -> None:
    """Whenever the program made its tracker, the fixture hears it; each test starts with nothing, and none is sent."""
    done = run(
        shop,
        """
        import shop
        from trackway import Tracker

        def test_module_level(tracked):
            shop.pay("o-1", 12.5)
            event = tracked.only("Order Completed", total=12.5)
            assert (event.user_id, event.properties["order_id"], len(tracked)) == ("ana", "o-1", 1)

        def test_made_in_the_test(tracked):
            with Tracker("other") as tracker:
                tracker.track("Cart Viewed", anonymous_id="a-1")
                assert tracker.flush() and tracker.stats().acked == 1 and tracker.stats().requests == 0
            assert tracked.names == ["Cart Viewed"]
            assert shop.tracker.stats().requests == 0 and shop.tracker.stats().pending == 0

        def test_nothing(tracked):
            tracked.assert_none()
        """,
    )
    done.assert_outcomes(passed=3)


def test_a_failure_shows_what_was_emitted_instead(shop: pytest.Pytester) -> None:
    """The message lists every event, where the one of that name differs, a near name, and refused calls."""
    done = run(
        shop,
        """
        import shop

        def test_total(tracked):
            shop.pay("o-1", 12)
            shop.sign_in("ana")
            shop.pay("o-2", 9, user_id=None)
            tracked.only("Order Completed", total=12.5, currency="EUR")

        def test_name(tracked):
            shop.pay("o-1", 12)
            tracked.once("order_completed")

        def test_whose(tracked):
            shop.pay("o-1", 12, user_id="ben")
            tracked.once("Order Completed", user_id="ana")
        """,
    )
    done.assert_outcomes(failed=3)
    done.stdout.fnmatch_lines(
        [
            "*tracked.only(*",
            "*Expected exactly one event, `Order Completed` with total=12.5, currency='EUR'.*",
            "*emitted (2):*",
            '*1. Order Completed  ana  {"order_id":"o-1","total":12}*',
            "*total: expected 12.5, found 12*",
            "*currency: expected 'EUR', is missing*",
            "*it also carries: order_id*",
            "*2. $identify  ana *",
            "*calls that made no event (1):*",
            "*Order Completed: no_person, neither user_id nor anonymous_id, in the call or in a scope*",
            "*Expected `order_completed` once; none matched.*",
            "*No event is named `order_completed`. Did you mean `Order Completed`?*",
            "*user_id: expected 'ana', is missing*",
            "*user_id is no property: look at the event that is returned, `event.user_id` (here 'ben')*",
        ]
    )
    assert "recorder.py:" not in done.stdout.str(), "the traceback ends in the test"


def test_the_plan_of_the_option_checks_trackers_that_have_none(shop: pytest.Pytester) -> None:
    """A violation fails the test that has not read it; one that has, judges it itself."""
    test = """
        import shop

        def test_fits(tracked):
            shop.pay("o-1", "12.50")
            tracked.assert_fits_plan()

        def test_unread(tracked):
            shop.pay("o-1", True)

        def test_read(tracked):
            shop.pay("o-1", True)
            ((name, violation),) = tracked.violations
            assert (name, violation.code, violation.path) == ("Order Completed", "wrong_type", "/total")
        """
    done = run(shop, test, "--trackway-plan", "plan.json")
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(
        ["*The test emitted events that break the plan of --trackway-plan.*", "*`Order Completed` /total: *wrong_type*"]
    )


def test_the_plan_may_stand_in_the_ini_file(shop: pytest.Pytester) -> None:
    """`trackway_plan` is relative to the ini file; without a plan `assert_fits_plan` says that nothing checks."""
    test = """
        import shop

        def test_fits(tracked):
            shop.pay("o-1", "12.50")
            tracked.assert_fits_plan()
        """
    done = run(shop, test)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*No plan checks the events of `Order Completed`.*"])
    shop.makeini("[pytest]\ntrackway_plan = plan.json")
    run(shop, test).assert_outcomes(passed=1)


def test_a_plan_that_is_not_there_is_said_before_any_test(shop: pytest.Pytester) -> None:
    """A wrong path is a usage error of the session."""
    done = run(shop, "def test_it(): pass", "--trackway-plan", "nowhere.json")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*`plan` cannot be used: *nowhere.json*"])


def test_a_violation_that_the_program_swallows_is_known(shop: pytest.Pytester) -> None:
    """Under pytest a tracker with a plan raises; where the program catches that, `violations` still tells."""
    done = run(
        shop,
        """
        from trackway import Tracker

        def test_swallowed(tracked):
            tracker = Tracker("key", plan="plan.json")
            try:
                tracker.track("Order Completed", {"order_id": 7}, user_id="ana")
            except Exception:
                pass
            assert [(name, found.path) for name, found in tracked.violations] == [("Order Completed", "/order_id")]
            assert tracked.refusals[0].reason == "violation"
            tracked.assert_none()

        def test_switched_off(tracked):
            tracker = Tracker("key", plan="plan.json", on_violation="off")
            tracker.track("Order Complete", user_id="ana")
            assert [found.code for _, found in tracked.violations] == ["unplanned_event"]
        """,
    )
    done.assert_outcomes(passed=2)


def test_a_snapshot_is_written_read_and_compared(shop: pytest.Pytester) -> None:
    """A snapshot is missing at first, then written on request, then kept to; what changes in every run is not in it."""
    test = """
        import uuid
        import shop

        def test_buys(tracked):
            order = str(uuid.uuid4())
            shop.pay(order, TOTAL)
            shop.pay(order, 1)
            shop.pay(str(uuid.uuid4()), 1, user_id=9)
            tracked.assert_matches(ignore=["userId"])
            shop.sign_in("ana")
            tracked.assert_matches("signed in")
        """
    first = run(shop, test.replace("TOTAL", "12.5"))
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(
        ["*There is no snapshot yet: *test_buys.json*", "*Write it with: pytest --trackway-update*"]
    )

    run(shop, test.replace("TOTAL", "12.5"), "--trackway-update").assert_outcomes(passed=1)
    run(shop, test.replace("TOTAL", "12.5")).assert_outcomes(passed=1)
    folder = shop.path / "snapshots" / "test_shop"
    kept = json.loads((folder / "test_buys.json").read_text("utf-8"))
    assert kept == [
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "<ignored>",
            "properties": {"order_id": f"<uuid {number}>", "total": total},
        }
        for number, total in ((1, 12.5), (1, 1), (2, 1))
    ]
    assert len(list(folder.iterdir())) == 2

    changed = run(shop, test.replace("TOTAL", "12.75"))
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(
        [
            "*The events are not those of the snapshot.*",
            '*-*"total": 12.5',
            '*+*"total": 12.75',
            "*pytest --trackway-update*",
        ]
    )


def test_it_works_under_xdist(shop: pytest.Pytester) -> None:
    """Each worker hears its own tests, with the options of the session."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed (group dev)")
    test = """
        import pytest, shop

        @pytest.mark.parametrize("number", range(20))
        def test_pays(tracked, number):
            shop.pay(f"o-{number}", "1.00")
            tracked.only("Order Completed", order_id=f"o-{number}")
            tracked.assert_fits_plan()
            tracked.assert_matches()
        """
    run(shop, test, "-n", "2", "--trackway-plan", "plan.json", "--trackway-update").assert_outcomes(passed=20)
    run(shop, test, "-n", "2", "--trackway-plan", "plan.json").assert_outcomes(passed=20)


def test_it_works_with_coroutines_and_threads(shop: pytest.Pytester) -> None:
    """Events of tasks are heard in their order; what another thread emits can be waited for."""
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed (group dev)")
    test = """
        import asyncio, threading, pytest, shop
        from trackway import AsyncTracker

        async def work(number):
            await asyncio.sleep(0)
            shop.pay(f"o-{number}", 1)

        @pytest.mark.asyncio
        async def test_tasks(tracked):
            await asyncio.gather(*(work(number) for number in range(3)))
            assert sorted(event.properties["order_id"] for event in tracked) == ["o-0", "o-1", "o-2"]

        @pytest.mark.asyncio
        async def test_an_async_tracker(tracked):
            async with AsyncTracker("key", host="http://127.0.0.1:9") as tracker:
                tracker.track("Cart Viewed", user_id="ana")
                assert await tracker.flush()
            tracked.only("Cart Viewed")

        def test_threads(tracked):
            timer = threading.Timer(0.05, shop.pay, ("o-9", 1))
            timer.start()
            assert tracked.wait_for("Order Completed", order_id="o-9").user_id == "ana"

        def test_waiting_ends(tracked):
            with pytest.raises(AssertionError, match="within 0.01 s"):
                tracked.wait_for("Order Completed", timeout_s=0.01)
        """
    run(shop, test, "-p", "asyncio").assert_outcomes(passed=4)


def test_a_whole_session_can_be_offline(shop: pytest.Pytester) -> None:
    """With `trackway_offline` nothing is sent by tests without the fixture either."""
    shop.makeini("[pytest]\ntrackway_offline = true")
    done = run(
        shop,
        """
        import shop

        def test_without_the_fixture():
            shop.pay("o-1", 1)
            assert shop.tracker.flush() and shop.tracker.stats().requests == 0

        def test_with_it(tracked):
            shop.pay("o-2", 1)
            tracked.only("Order Completed", order_id="o-2")
        """,
    )
    done.assert_outcomes(passed=2)


def test_a_collector_in_the_test(shop: pytest.Pytester) -> None:
    """`trackway_collector` takes what the program sends, judges it, and shows both; `tracked` listens to it beside."""
    done = run(
        shop,
        """
        from trackway import Tracker

        def test_collector(trackway_collector, tracked):
            with Tracker() as tracker:  # host and key come from the environment
                tracker.track("Order Completed", {"order_id": "o-1"}, user_id="ana")
                tracker.track("Order Completed", {"order_id": 7}, user_id="ana")
            (event,) = trackway_collector.quarantined
            assert "wrong_type /order_id" in event.codes and event.raw["properties"] == {"order_id": 7}
            assert [event.codes for event in trackway_collector.flagged] == [("unstamped",)]
            assert len(tracked) == 2 and len(tracked.violations) == 1
        """,
        "--trackway-plan",
        "plan.json",
    )
    done.assert_outcomes(passed=1)


def test_without_the_collectors_packages_the_fixture_says_what_to_install(shop: pytest.Pytester) -> None:
    """The plugin works on the bare install; only the collector's fixture needs its extra, and names it."""
    shop.makeconftest(
        """
        import sys
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "aiohttp":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Missing())
        """
    )
    done = run(shop, "def test_it(trackway_collector): pass", "-p", "no:aiohttp", "-p", "no:pytest_aiohttp")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*The in-process collector needs `aiohttp`.*", "*pip install 'trackway?collector?'*"])


def test_paths_of_snapshots_are_safe(tmp_path: Path) -> None:
    """Names that no file may have become safe ones, and stay different."""
    from trackway.testing.snapshots import Snapshots

    for name in ("test_it[a/b]", "test_it[a:b]", "test_it[" + "long" * 100 + "]"):
        Snapshots(tmp_path / "test_x.py", name, update=True).check("", [{"event": name}])
    files = sorted(path.name for path in (tmp_path / "snapshots" / "test_x").iterdir())
    assert len(files) == 3
    assert all(len(name) < 150 for name in files)
    assert sys.platform == "win32" or not any(character in "".join(files) for character in '/:*?"<>|')
