"""`make compare`: run everything and print the tables; with --write they go into docs/compare_sdks.md, too."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks.peers import clients, environment, report, timing
from tests.benchmarks.peers.run import run_all
from tests.benchmarks.peers.scenarios import SCENARIOS


def main() -> None:
    """Run the chosen scenarios and the timings."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/compare_sdks.md (only a whole run can)")
    parser.add_argument("--scenario", action="append", choices=[each.name for each in SCENARIOS], help="only this one")
    parser.add_argument("--client", action="append", choices=[*clients.OURS, *clients.DEFAULTS], help="only this one")
    parser.add_argument("--no-speed", action="store_true", help="leave out the timings")
    chosen = parser.parse_args()
    if chosen.write and (chosen.scenario or chosen.client or chosen.no_speed):
        parser.error("--write wants a whole run: leave out --scenario, --client and --no-speed.")
    python = environment.python()
    names = chosen.client or [*clients.DEFAULTS, *clients.OURS]
    found = {
        scenario.name: run_all(scenario, python, names, _say)
        for scenario in SCENARIOS
        if not chosen.scenario or scenario.name in chosen.scenario
    }
    blocks = {
        "versions": report.versions(python),
        "stories": report.stories(),
        "losses": report.losses(found),
        "waits": report.waits(found),
        "repetitions": report.repetitions(found),
    }
    if not chosen.no_speed:
        _say("timings …")
        blocks["speed"] = report.speed(timing.measure(python, chosen.client or [*clients.OURS, *clients.PEERS]))
    print("\n\n".join(blocks.values()), flush=True)
    if chosen.write:
        report.write(blocks)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
