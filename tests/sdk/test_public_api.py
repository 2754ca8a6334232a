from __future__ import annotations

import dataclasses
import inspect
import json
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trackway
import trackway.testing
from trackway import DeliveryError, DiskQueueError, Options, PlanViolationError, Tracker, TrackwayError
from trackway.testing import RecordingTransport

ROOT = Path(__file__).parents[2]


def test_public_names_are_listed_sorted_and_there() -> None:
    """Every name in `__all__` exists, the list is sorted, and no other name without underscore is public."""
    for module in (trackway, trackway.testing):
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
    own = {name for name, value in vars(trackway).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert own == {name for name in trackway.__all__ if not name.startswith("_")}


def test_importing_trackway_brings_only_msgspec_and_the_standard_library() -> None:
    """
    A program that imports trackway pays for nothing it does not use: no HTTP client, no validator, no engine.
    """
    bare, loaded = (_modules_after(f"import {names}") for names in ("msgspec", "trackway, trackway.testing"))
    assert {top for name in loaded - bare if (top := name.partition(".")[0]) not in sys.stdlib_module_names} == {
        "trackway"
    }
    # Of the standard library, the heavy ones: `email` comes with urllib3 and http.client.
    assert (loaded - bare).isdisjoint({"asyncio", "email", "http", "importlib.metadata", "ssl", "urllib.request"})


def _modules_after(statement: str) -> set[str]:
    program = f"{statement}; import sys; print(*sys.modules)"
    output = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {[str(ROOT / 'sdk'), str(ROOT / 'tracking_plan')]!r}; {program}",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(output.split())


def test_the_version_is_the_packages() -> None:
    """The version that goes out with every event is the one pyproject.toml releases."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert trackway.__version__ == project["version"]


def test_every_option_is_documented_and_can_be_given_to_a_tracker() -> None:
    """Each field of Options has its text under it, with its default, and Tracker takes it by name."""
    source = inspect.getsource(Options)
    tuning = set(inspect.signature(Tracker.__init__).parameters) | set(trackway._options.Tuning.__annotations__)
    for field in dataclasses.fields(Options):
        text = re.search(rf'    {field.name}: [^\n]*\n    """(.+?)"""', source, re.DOTALL)
        assert text is not None, f"{field.name} has no text under it"
        assert "efault" in text[1], f"the text of {field.name} does not give its default"
        assert field.name in tuning


@pytest.mark.parametrize(
    "error",
    [
        PlanViolationError("Order Completed", [], "shop", 3),
        DeliveryError("queue_full", 12, 2, will_retry=True),
        DiskQueueError("/var/lib/trackway", "No space left on device"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_goes_from_process_to_process(error: TrackwayError) -> None:
    """
    What a worker of a pool raises arrives at its parent as it was: an exception that cannot be unpickled breaks a
    ProcessPoolExecutor, and hangs a multiprocessing.Pool.
    """
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_the_books_can_be_written_down() -> None:
    """Stats become a dict, JSON and a pickle, as they are for a health page or from a worker."""
    tracker = Tracker("key", transport=RecordingTransport())
    tracker.track("Nobody's")
    stats = tracker.stats()
    tracker.close()
    assert dataclasses.asdict(stats)["dropped_by_reason"] == {"no_person": 1}
    assert json.loads(json.dumps(dataclasses.asdict(stats)))["enqueued"] == 1
    assert pickle.loads(pickle.dumps(stats)) == stats  # noqa: S301 - our own
