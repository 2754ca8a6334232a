"""`trackway collector dead-letters`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from trackway_collector.command_settings import command_settings
from trackway_collector.dead_letters.log import DIRECTORY, Letter


@click.command("dead-letters", epilog="Example: trackway collector dead-letters --since 24")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The collector's data directory.")
@click.option("--since", "hours", type=float, default=168, show_default=True, metavar="HOURS", help="Not older than.")
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Only this code; repeatable.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def dead_letters(data_dir: Path | None, hours: float, codes: tuple[str, ...], form: str) -> None:
    """Requests that were refused as a whole, a sample of them: by code, with counts and the newest example."""
    settings, _ = command_settings({"data_dir": data_dir})
    since = datetime.now(UTC) - timedelta(hours=hours)
    found = [
        letter
        for letter in letters(settings.data_dir)
        if letter.at >= since and (not codes or letter.code in codes)
    ]  # fmt: skip
    by_code: dict[str, list[Letter]] = {}
    for letter in sorted(found, key=lambda letter: letter.at):
        by_code.setdefault(letter.code, []).append(letter)
    rows = [_row(code, group) for code, group in by_code.items()]
    rows.sort(key=lambda row: -int(row["requests"]))
    if form == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not rows:
        click.echo("No request was refused as a whole.")
    for row in rows:
        _say(row)


def letters(data_dir: Path) -> Iterator[Letter]:
    """Yield the letters of all workers, the rotated ones too; a line that cannot be read is passed over."""
    for path in sorted((data_dir / DIRECTORY).glob("*.jsonl*")):
        with path.open("rb") as file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=Letter)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue


def _row(code: str, group: list[Letter]) -> dict[str, Any]:
    newest = group[-1]
    return {
        "code": code,
        "status": newest.status,
        "requests": sum(letter.stands_for for letter in group),
        "first_at": group[0].at.isoformat(),
        "last_at": newest.at.isoformat(),
        "clients": sorted({letter.client for letter in group if letter.client}),
        "example": msgspec.to_builtins(newest),
    }


def _say(row: dict[str, Any]) -> None:
    example = row["example"]
    click.echo(f"{row['requests']:>9,}  {row['status']} {row['code']}  {example['route']}  {', '.join(row['clients'])}")
    click.echo(f"{'':>9}  {example['message']}")
    what = f"{example.get('bytes', 0):,} bytes, sha256 {example['sha256'][:12]}" if example.get("sha256") else "no body"
    click.echo(f"{'':>9}  newest {example['at']}: {what}")
    if example.get("body"):
        click.echo(f"{'':>9}  {_printable(example['body'])}")


def _printable(text: str) -> str:
    """Return the text on one line with its control characters written out: it must not steer the terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
