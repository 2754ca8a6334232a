"""
The pytest plugin. A violation of the plan is a failing test: `on_violation` is "raise" unless the program or the
environment says otherwise. Fixtures: `tracked` records what the test emits, `trackway_collector` is a collector.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trackway._errors import ConfigurationError
from trackway._options import set_default_policy
from trackway.testing.collector import Collector, collector
from trackway.testing.plans import release_of
from trackway.testing.recorder import Tracked, listening, stays_local
from trackway.testing.snapshots import UPDATE_OPTION, Snapshots

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from trackway._intake import Intake
    from trackway_plan import Release, Violation

PLAN_OPTION = "--trackway-plan"
PLAN_INI = "trackway_plan"
OFFLINE_INI = "trackway_offline"

_release: pytest.StashKey[Release | None] = pytest.StashKey()
_recorder: pytest.StashKey[Tracked] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the settings of pytest.ini or pyproject.toml."""
    group = parser.getgroup("trackway", "tracking (Trackway)")
    group.addoption(
        PLAN_OPTION,
        metavar="FILE",
        help="release to check events of trackers without a plan; a violation that the test does not read fails it",
    )
    group.addoption(UPDATE_OPTION, action="store_true", help="write the snapshots of tracked.assert_matches() anew")
    parser.addini(PLAN_INI, f"as {PLAN_OPTION}, relative to the ini file", type="paths", default=[])
    parser.addini(OFFLINE_INI, "send no event of any test, also of those without the fixture tracked", type="bool")


def pytest_configure(config: pytest.Config) -> None:
    """Make "raise" the default policy; read the plan, so that a wrong path fails at once."""
    set_default_policy("raise")
    try:
        config.stash[_release] = release_of(_plan_file(config))
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
    if config.getini(OFFLINE_INI):
        silence = contextlib.ExitStack()
        silence.enter_context(listening(_Silence()))
        config.add_cleanup(silence.close)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put the default back: pytest may have been called from a program that goes on."""
    set_default_policy("flag")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has passed but for violations it did not look at."""
    __tracebackhide__ = True
    result = yield
    recorder = item.stash.get(_recorder, None)
    if recorder is not None:
        recorder.assert_violations_read()
    return result


@pytest.fixture
def tracked(request: pytest.FixtureRequest) -> Iterator[Tracked]:
    """Every event that the test makes any tracker emit; none of it is sent. See `trackway.testing.Tracked`."""
    test = request.node.nodeid.partition("::")[2].replace("::", ".")
    snapshots = Snapshots(request.node.path, test, update=request.config.getoption(UPDATE_OPTION))
    with listening(Tracked(request.config.stash[_release], snapshots)) as recorder:
        request.node.stash[_recorder] = recorder
        yield recorder


@pytest.fixture
def trackway_collector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """
    A collector in this process, with the plan of `--trackway-plan`; trackers made in the test from TRACKWAY_ variables
    send there. See `trackway.testing.collector`.
    """
    with collector(request.config.stash[_release]) as running:
        monkeypatch.setenv("TRACKWAY_HOST", running.url)
        monkeypatch.setenv("TRACKWAY_WRITE_KEY", running.write_key)
        yield running


def _plan_file(config: pytest.Config) -> Path | None:
    given = config.getoption(PLAN_OPTION)
    if given:
        return Path(config.invocation_params.dir, given)
    found: list[Path] = config.getini(PLAN_INI)
    return found[0] if found else None


class _Silence:
    """Keeps events from the network and takes no note of them."""

    def heard(self, tracker: Intake, event: bytes, violations: Sequence[Violation]) -> bool:
        """Return whether the event stays here, as ever."""
        return not stays_local(tracker)

    def refused(self, tracker: Intake, error: Exception, given: Mapping[str, Any]) -> None:
        """Nothing to note."""
