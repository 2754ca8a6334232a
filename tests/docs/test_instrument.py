"""The page "Instrument your app": its programs are written to files as they stand, and each of its commands is run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, blocks_of
from tests.support.house import ROOT, environment, free_port, wait_for
from trackway.testing import Collector, collector

PAGE = ROOT / "docs" / "instrument.md"
BLOCKS = blocks_of(PAGE)
PROGRAMS = [block for block in BLOCKS if block.language == "python"]
COMMANDS = [block for block in BLOCKS if block.language == "sh"]
STOP_S = 60

Events = list[tuple[str, dict[str, Any]]]
ORDER: Events = [("Order Completed", {"userId": "user-7", "anonymousId": "v-3"})]
VISIT: Events = [("Order Completed", {"anonymousId": "v-3"})]
EXPECTED: dict[str, Events] = {
    "script": [("Report Made", {"userId": "user-7", "properties": {"pages": 12}})],
    "scopes": [
        ("Order Completed", {"userId": "user-7", "properties": {"shop": "tea", "total": "12.50"}}),
        ("Order Completed", {"userId": "user-7", "properties": {"shop": "coffee", "total": "3.20"}}),
        ("Report Made", {"userId": "user-9", "properties": {}}),
    ],
    "fastapi_shop": ORDER,
    "flask_shop": VISIT,
    "settings": VISIT,
    "aiohttp_shop": ORDER,
    "wsgi_shop": VISIT,
    "publish": [],
    "tasks": [("Order Completed", {"userId": "user-7", "properties": {"total": "12.50"}})],
    "workers": [("Order Completed", {"userId": "user-7", "properties": {"number": n}}) for n in range(10)] * 2,
    "invoke": [("Order Completed", {"userId": "user-7"})],
    "notebook": [("Report Made", {"userId": "user-7"})],
}
"""By the program that a command names: which events arrive, each with at least these members."""

# The tests' broker is a directory: no Redis is started for one message.
BROKER = 'broker="redis://localhost"'
DIRECTORY_BROKER = """broker="filesystem://", changes={"broker_transport_options": {
    "data_folder_in": "broker", "data_folder_out": "broker", "control_folder": "broker"}}"""


FIRST = {"tasks": "publish.py"}
"""What a reader has run before."""


@pytest.fixture
def house() -> Iterator[Collector]:
    """A real collector for one command."""
    with collector() as running:
        yield running


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: f"line-{block.line}-{block.text.split()[0]}")
def test_a_command_delivers_its_events(block: Block, house: Collector, tmp_path: Path) -> None:
    """Run as it stands on the page, it delivers the events of its program: these, each once, and no other."""
    expected = EXPECTED[_program(block)]
    port = free_port()
    folder = _write_programs(tmp_path / "programs", port)
    environ = environment() | {"TRACKWAY_WRITE_KEY": house.write_key, "TRACKWAY_HOST": house.url}
    environ["PYTHONPATH"] += os.pathsep + str(folder)
    environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    log = tmp_path / "log"
    command = block.text.strip().replace("8000", str(port))
    if _program(block) in FIRST:
        subprocess.run([sys.executable, FIRST[_program(block)]], cwd=folder, env=environ, check=True, timeout=STOP_S)
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ended() -> bool:
        assert process.poll() is None, log.read_text()
        return False

    try:
        if not _serves(block):
            assert process.wait(STOP_S) == 0, log.read_text()
        else:
            if "celery" not in command:
                wait_for(lambda: ended() or _answers(port), STOP_S, f"`{command}` serves; see {log}")
                _order(port)
            wait_for(lambda: ended() or len(house.events) >= len(expected), STOP_S, f"`{command}` delivers; see {log}")
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    members = expected[0][1].keys() if expected else ()
    found = [(event.name, {member: event.raw.get(member) for member in members}) for event in house.events]
    assert sorted(found, key=repr) == sorted(expected, key=repr), log.read_text()


def test_nothing_of_the_page_goes_untried() -> None:
    """Every block is a program with a file's name, or one command; every program is run, or imported by one that is."""
    assert {block.language for block in BLOCKS} == {"python", "sh"}
    assert all(len(block.lines) == 1 for block in COMMANDS)
    assert {_program(block) for block in COMMANDS} == set(EXPECTED)
    run = {f"{name}.py" for name in EXPECTED}
    imported = "\n".join(block.text for block in PROGRAMS)
    for block in PROGRAMS:
        stem = _name(block).removesuffix(".py")
        assert _name(block) in run or re.search(rf'(from|import) {stem}\b|"{stem}[."]', imported), _name(block)


def _write_programs(folder: Path, port: int) -> Path:
    (folder / "broker").mkdir(parents=True)
    for block in PROGRAMS:
        text = block.text.replace(BROKER, DIRECTORY_BROKER).replace("port=8000", f"port={port}")
        (folder / _name(block)).write_text(text, "utf-8")
    return folder


def _name(block: Block) -> str:
    first = block.text.splitlines()[0]
    match = re.fullmatch(r"# (\w+\.py)", first)
    assert match is not None, f"line {block.line}: the first line is no file's name: {first}"
    return match[1]


def _program(block: Block) -> str:
    """Return which program of the page a command runs."""
    stems = {_name(program).removesuffix(".py") for program in PROGRAMS}
    (found,) = {word.partition(":")[0].removesuffix(".py") for word in block.text.split()} & stems
    return found


def _serves(block: Block) -> bool:
    return not block.text.startswith("python ") or "8000" in block.text or _program(block) == "aiohttp_shop"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _order(port: int) -> None:
    headers = {"Cookie": "visit=v-3", "X-User": "user-7"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/orders", b"", headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
