"""
What checking a large plan takes: 1,000 events of 20 properties, one file each, from the command line.

Each row is the best of a few whole processes, Python's start included, because that is what CI waits for. `breaking`
goes against a release file and against a Git ref, with 200 events changed; peak memory is that of the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tracking_plan")]

from tests.benchmarks.table import Row, print_table  # noqa: E402

EVENTS, PROPERTIES, CHANGED = 1000, 20, 200
ROUNDS = 3
_TYPES = ("string, max_length: 40", "int, min: 0", "number", "bool", "choice, choices: [a, b, c]")


def run(events: int = EVENTS, rounds: int = ROUNDS) -> list[Row]:
    """Return seconds and peak MiB of `validate`, of `breaking` two ways, and of `docs`."""
    with tempfile.TemporaryDirectory(prefix="trackway-bench-") as scratch:
        directory = Path(scratch) / "tracking_plan"
        _write(directory, events)
        _plan(directory, "release")
        _commit(Path(scratch))
        _change(directory, CHANGED * events // EVENTS)
        changed = "200 events changed"
        note = f"{events:,} events × {PROPERTIES} properties, best of {rounds} processes"
        return [
            *_rows("plan validate", ["validate"], directory, rounds, "< 2", note),
            *_rows("plan breaking, release", ["breaking", "--against", "1"], directory, rounds, "< 3", changed),
            *_rows("plan breaking, Git ref", ["breaking", "--against", "HEAD"], directory, rounds, "< 3", changed),
            *_rows("plan docs", ["docs", "--out", "../plan.html"], directory, rounds, "< 5", "the site, one file"),
        ]


def _rows(name: str, verb: list[str], directory: Path, rounds: int, target: str, note: str) -> list[Row]:
    measured = [_plan(directory, *verb) for _ in range(rounds)]
    seconds, memory = min(row[0] for row in measured), max(row[1] for row in measured)
    return [
        Row(name, seconds, None, None, target, "s", note),
        Row(f"{name}: peak memory", memory, None, None, "< 300", "MiB"),
    ]


def _plan(directory: Path, verb: str, *options: str) -> tuple[float, float]:
    """Wall seconds and peak MiB of one `trackway plan …`; 1 is its exit code for findings."""
    command = [sys.executable, "-c", "from trackway_plan.cli import plan; plan()", verb, directory.name, *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tracking_plan")}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory.parent, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), (verb, process.returncode)
    return seconds, usage.ru_maxrss / 1024


def _write(directory: Path, events: int) -> None:
    for number in range(events):
        lines = [f"event: event_{number:04}", "summary: Something that happened.", "sent_by: [web]", "properties:"]
        for index in range(PROPERTIES):
            required = ", required: true" if index == 0 else ""
            lines.append(f"  property_{index:02}: {{type: {_TYPES[index % 5]}{required}, pii: none, summary: Some.}}")
        path = directory / "events" / f"area_{number // 50:02}" / f"event_{number:04}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (directory / "plan.yaml").write_text("plan: big\nformat: 1\nsources: {web: {kind: client}}\n", encoding="utf-8")


def _commit(root: Path) -> None:
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "The plan"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)


def _change(directory: Path, count: int) -> None:
    for path in sorted(directory.glob("events/*/*.yaml"))[:count]:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("{type: int, min: 0", "{type: int, min: 1"), encoding="utf-8")


if __name__ == "__main__":
    print_table(run())
