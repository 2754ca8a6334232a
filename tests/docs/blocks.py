"""The fenced blocks of a Markdown file, and a terminal to run them in, as a reader would, one after another."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.house import ROOT, environment, free_port, wait_for

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PORTS = {"8077": "TRACKWAY_PORT", "8078": "TRACKWAY_CONSOLE_PORT", "8079": "TRACKWAY_QUERY_PORT"}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, where it stands and what comes right after it."""

    language: str
    text: str
    line: int
    section: str
    output: str
    """The text of a `text` block that follows with nothing between: all that the reader is told to expect."""
    excerpt: str
    """The same after one line that ends in a colon: lines that are to be among what is printed."""

    @property
    def id(self) -> str:
        """A name for test reports."""
        return f"{self.language or 'no-language'}-line-{self.line}"

    @property
    def lines(self) -> list[str]:
        """Its lines, without empty ones and comments."""
        return [line for line in self.text.splitlines() if line.strip() and not line.startswith("#")]

    @property
    def serves(self) -> bool:
        """Whether it starts a server that runs until Ctrl-C."""
        return len(self.lines) == 1 and self.lines[0].startswith("trackway up") and "--show-config" not in self.text

    @property
    def makes(self) -> bool:
        """Whether it calls make and nothing else."""
        return self.language == "sh" and all(line.startswith("make ") for line in self.lines)


def blocks_of(path: Path) -> list[Block]:
    """Return every fenced block of a Markdown file, in order."""
    text = path.read_text("utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for match, following in zip(found, [*found[1:], None], strict=True):
        headings = re.findall(r"^## (.+)$", text[: match.start()], re.MULTILINE)
        shown = following["text"] if following and following["language"] == "text" else ""
        between = text[match.end() : following.start()].strip() if following else ""
        output = shown if not between else ""
        excerpt = shown if re.fullmatch(r"[^\n]+:", between) else ""
        line = text.count("\n", 0, match.start()) + 1
        section = headings[-1] if headings else ""
        blocks.append(Block(match["language"], match["text"], line, section, output, excerpt))
    return blocks


class Terminal:
    """
    A shell session: the working directory and exported variables last from one block to the next.

    Args:
        home: HOME of the session.
        directory: where it starts.
        replaced: text → what stands there when a block is run; the default ports are replaced by free ones.
    """

    def __init__(self, home: Path, directory: Path, replaced: dict[str, str] | None = None) -> None:
        ports = {default: str(free_port()) for default in _PORTS}
        self._replaced = {f":{default}": f":{port}" for default, port in ports.items()} | (replaced or {})
        self._port = ports["8077"]
        self._state = home / f".terminal-{self._port}"
        self._state.write_text(f"cd {shlex.quote(str(directory))}\n")
        self._server: subprocess.Popen[bytes] | None = None
        self._log = home / f"up-{self._port}.log"
        kept = {name: value for name, value in environment().items() if not name.startswith("TRACKWAY_")}
        self.environment = kept | {variable: ports[default] for default, variable in _PORTS.items()}
        self.environment |= {
            "HOME": str(home),
            "PATH": f"{bin_directory(home)}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "80",
            "NO_COLOR": "1",
        }

    def run(self, block: Block) -> str:
        """Run a block and return what it printed; fails with all its output when its status is not 0."""
        text = self._with_replacements(block.text)
        if block.language in ("yaml", "toml"):
            path = text.splitlines()[0].removeprefix("#").strip()
            self._shell(f"mkdir -p {shlex.quote(str(Path(path).parent))} && cat > {shlex.quote(path)}", text)
            return ""
        if block.serves:
            self.serve(text.strip())
            return ""
        if "trackway demo" in text:
            self.close()  # it serves on the same ports
        return self._shell("exec python -" if block.language == "python" else text, text)

    def serve(self, command: str) -> None:
        """Start a server in this terminal, after ending the one before, and wait until events can be asked for."""
        self.close()
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                ["bash", "-c", f"{self._state.read_text()}\nexec {command}"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        probe = f"""
import json, pathlib, urllib.request, sys
urllib.request.urlopen("http://127.0.0.1:{self._port}/ready", timeout=2)
pathlib.Path("trackway-data/store.json").read_text()
"""
        wait_for(lambda: self._succeeds(probe), 60, f"`{command}` serves; its log is {self._log}")

    def close(self) -> None:
        """Press Ctrl-C in the terminal where a server runs, and wait for its end."""
        if self._server is None:
            return
        os.killpg(self._server.pid, signal.SIGINT)
        try:
            self._server.wait(60)
        finally:
            if self._server.poll() is None:
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server = None

    def _with_replacements(self, text: str) -> str:
        for shown, real in self._replaced.items():
            text = text.replace(shown, real)
        return text

    def _succeeds(self, program: str) -> bool:
        command = f"{self._state.read_text()}\nexec python -"
        return not subprocess.run(
            ["bash", "-c", command], input=program.encode(), env=self.environment, capture_output=True, check=False
        ).returncode

    def _shell(self, command: str, given: str) -> str:
        remember = f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} > {shlex.quote(str(self._state))}"
        script = f"set -e\n{self._state.read_text()}\ntrap {shlex.quote(remember)} EXIT\n{command}"
        done = subprocess.run(
            ["bash", "-c", script],
            input=given,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{given}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def bin_directory(home: Path) -> Path:
    """Return a directory with the commands of an activated environment: `trackway` and `python` of this checkout."""
    directory = home / "bin"
    if not directory.exists():
        directory.mkdir()
        for name, command in (("python", ""), ("trackway", " -m trackway")):
            path = directory / name
            path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{command} "$@"\n')
            path.chmod(0o755)
    return directory


def make_plans(target: str) -> subprocess.CompletedProcess[str]:
    """Return what `make` would do for a target, without doing it."""
    return subprocess.run(["make", "-n", "-C", str(ROOT), target], capture_output=True, text=True, check=False)


def same_text(printed: str) -> str:
    """Return a text as it can be compared: without what differs from run to run, and without line breaks."""
    printed = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "HH:MM:SS.mmm", printed)
    printed = re.sub(r"\([0-9a-f]{12}\)", "(hash)", printed)
    return " ".join(printed.split())
