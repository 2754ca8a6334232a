"""What `import trackway` loads: every program pays for it at its start."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = "import sys, trackway; trackway.{}; print(*sorted(sys.modules), sep='\\n')"


def _loaded(attribute: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(attribute)], check=True, capture_output=True, text=True
    ).stdout
    return set(found.splitlines())


@pytest.mark.parametrize("attribute", ["Tracker", "Options"])
def test_what_only_some_programs_need_is_loaded_when_they_need_it(attribute: str) -> None:
    """
    HTTP, the plan, its rules and the stores of events that outlive the process are imported at their first use.
    """
    late = {"urllib3", "http.client", "ssl", "trackway_plan", "jsonschema", "email", "sqlite3", "aiohttp", "asyncio"}
    assert not late & _loaded(attribute)


def test_modules_that_take_long_to_load_are_done_without() -> None:
    """Each of these takes about a millisecond and was once imported for one small function."""
    spared = {"random", "base64", "urllib.parse", "ipaddress", "pathlib", "uuid", "json", "hashlib"}
    bare = set(
        subprocess.run(
            [sys.executable, "-c", "import sys, msgspec; print(*sorted(sys.modules), sep='\\n')"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
    )
    assert not (spared & _loaded("Tracker")) - bare
