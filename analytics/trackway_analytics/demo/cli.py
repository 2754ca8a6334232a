"""
`trackway demo`: start, replay, kill, start again, wait, count, ask, and keep serving.

Everything goes the way that an app's events go: `Tracker` over HTTP to a collector in another process, from
there to the embedded engine, and the answers come from this process over the query port.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from trackway_analytics import Answer, Events, Funnel
from trackway_analytics.demo import published, questions, report
from trackway_analytics.demo.finding import find_incident
from trackway_analytics.demo.ledger import Line, arrived, draw_up
from trackway_analytics.demo.replay import LOGS, TOTAL_EVENTS
from trackway_analytics.demo.sending import Replay
from trackway_analytics.demo.stack import (
    Stack,
    StackError,
    choose_ports,
    empty_data_directory,
    plan_directory,
)
from trackway_collector.warehouse import Warehouse, WarehouseError, open_warehouse
from trackway_plan import Release, latest_release

KILL_AT_SHARE = 0.5
FLUSH_WITHIN_S = 120.0
# Nothing new for this long, while events are missing, means that they will not come.
ARRIVE_STALL_S = 30.0


@click.command(epilog="Example: trackway demo --once")
@click.option("--once", is_flag=True, help="Exit after the answers: 0 if every count is right, else 1.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("trackway-data/demo"),
    show_default=True,
    help="Where the demo keeps its data; emptied at each start.",
)
@click.option("--port", type=int, help="Port of the collector.  [default: 8077, or a free one]")
@click.option("--console-port", type=int, help="Port of the console.  [default: 8078, or a free one]")
@click.option("--query-port", type=int, help="Port of the query protocol.  [default: 8079, or a free one]")
def demo(once: bool, data_dir: Path, port: int | None, console_port: int | None, query_port: int | None) -> None:
    """Replay bundled event logs, kill the collector in the middle, count, and answer four questions."""
    console = Console(highlight=False)
    # The trackers warn of every attempt while the collector is dead; the demo says so itself.
    logging.getLogger("trackway").setLevel(logging.ERROR)
    # Whoever ends the demo, the collector that it started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        empty_data_directory(data_dir)
        ports = choose_ports({"port": port, "console-port": console_port, "query-port": query_port})
        stack = Stack(data_dir, tuple(log.source for log in LOGS), ports)
        problems = _run(console, stack, keep_serving=not once)
    except (StackError, WarehouseError) as error:
        raise click.ClickException(str(error)) from error
    if problems:
        console.print()
        for problem in problems:
            console.print(f"[red]✗ {escape(problem)}[/red]")
        raise SystemExit(1)


def _run(console: Console, stack: Stack, *, keep_serving: bool) -> list[str]:
    """Do the whole demo on `stack`, print it, and return what is wrong, in words."""
    try:
        with console.status("Starting collector, store and console …"):
            stack.start()
        release = _release()
        replay = Replay(LOGS, stack.host, stack.keys, release)
        with replay:
            _replay(console, stack, replay)
        store = stack.store()
        with closing(open_warehouse(stack.warehouse_url)) as warehouse:
            _wait_until_queryable(console, warehouse, replay.acked())
            lines = draw_up(warehouse, LOGS, replay.stats())
            problems = _report(console, warehouse, lines, stack.kills)
        serving = keep_serving and not problems
        _say_where(console, stack, store.console_url)
        if not serving:
            said = "Stopped." if keep_serving else "Stopped; without --once, collector and console serve until Ctrl-C."
            console.print(said, style="dim")
        else:
            console.print("Serving until Ctrl-C.")
            problems.append(f"the collector ended by itself, with exit code {stack.wait()}")
    except KeyboardInterrupt:
        console.print("Stopping.")
        return []
    finally:
        stack.stop()
    return problems


def _release() -> Release:
    release = latest_release(plan_directory())
    if release is None:
        message = f"{plan_directory()} has no release.\n  Write one with `trackway plan release`."
        raise StackError(message)
    return release


def _replay(console: Console, stack: Stack, replay: Replay) -> None:
    """
    Send everything; kill the stack when half is answered, and start it again while the trackers keep trying.
    """
    console.print(f"Replaying {TOTAL_EVENTS:,} events of three logs through the SDK and HTTP to {stack.host}:")
    for log in LOGS:
        console.print(f"  [bold]{log.source:<8}[/bold]  {log.events:>7,} events, {log.title}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=36),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("answered 200", total=TOTAL_EVENTS)
        while not replay.is_over():
            progress.update(task, completed=replay.acked())
            if stack.kills == 0 and replay.acked() >= KILL_AT_SHARE * TOTAL_EVENTS:
                stack.kill()
                progress.console.print(f"[yellow]killed the collector (SIGKILL) at {replay.acked():,} answers[/yellow]")
                stack.start()
                progress.console.print("[yellow]started it again[/yellow]")
            time.sleep(0.05)
        replay.flush(FLUSH_WITHIN_S)
        progress.update(task, completed=replay.acked())


def _wait_until_queryable(console: Console, warehouse: Warehouse, acked: int) -> None:
    there, changed_at = -1, time.monotonic()
    with console.status("Waiting until every event can be asked for …") as status:
        while there < acked:
            now = arrived(warehouse)
            if now != there:
                there, changed_at = now, time.monotonic()
            elif time.monotonic() - changed_at > ARRIVE_STALL_S:
                return  # the ledger will say what is missing
            status.update(f"Waiting until every event can be asked for: {there:,} of {acked:,}")
            time.sleep(0.1)


def _report(console: Console, warehouse: Warehouse, lines: list[Line], kills: int) -> list[str]:
    """Print ledger, answers and finding; return every figure that is off."""
    events = Events(warehouse)
    problems = [problem for line in lines for problem in line.problems()]
    report.section(console, "Ledger", report.ledger_table(lines, kills))
    for question in questions.QUESTIONS.values():
        answer = question.ask(events)
        report.section(console, f"{question.title}: {question.about}", *report.answer_parts(answer))
        if question.name == "retention":
            problems += _session_funnel(console, events)
        if question.name == "attribution":
            problems += _credits(console, answer)
    found = find_incident(warehouse, "shop")
    report.section(console, "One finding: the shop's checkout", report.finding_text(found))
    if found is None:
        problems.append("shop: the planted payment incident was not found")
    return problems


def _session_funnel(console: Console, events: Events) -> list[str]:
    answer = questions.shop_session_funnel(events)
    differences = published.funnel_differences(answer.population, dict(zip(*_columns(answer), strict=True)))
    agreed = "As published by the log's authors: 1,022 / 512 / 173 of 3,605 sessions."
    parts = (*report.answer_parts(answer), report.checks_text(differences, agreed))
    report.section(console, "Funnel: synthetic shop log, by session", *parts)
    return differences


def _columns(answer: Funnel) -> tuple[list[str], list[int]]:
    frame = answer.df
    return list(frame["label"]), list(frame[answer.units])


def _credits(console: Console, answer: Answer[Any]) -> list[str]:
    frame = answer.df
    differences = [
        difference
        for model in published.CREDITS
        for difference in published.credit_differences(model, dict(zip(frame["channel"], frame[model], strict=True)))
    ]
    agreed = "All 36 credits are those that two other programs publish for this sample, to six digits."
    console.print(Padding(report.checks_text(differences, agreed), (0, 0, 0, 2)))
    return differences


def _say_where(console: Console, stack: Stack, console_url: str) -> None:
    console.print()
    # Not wrapped: a link that is broken over two lines cannot be opened.
    console.print(Text("Console: ").append(console_url, style="bold"), soft_wrap=True)
    console.print(Text("Notebook: ").append(f'trackway_analytics.connect("{stack.warehouse_url}")'), soft_wrap=True)


class RateColumn(ProgressColumn):
    """Events a second, over the last half minute as rich measures it."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash until there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} events/s" if speed else "– events/s", style="cyan")
