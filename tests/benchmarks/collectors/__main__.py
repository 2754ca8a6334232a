"""`python -m tests.benchmarks.collectors [--write]`: print the comparison, or put it into its page."""

from __future__ import annotations

import argparse

from tests.benchmarks.collectors.report import tables, write
from tests.benchmarks.collectors.run import compare


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.collectors", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/compare_collectors.md")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, of which the median counts")
    given = parser.parse_args()
    results = compare(given.seconds, given.rounds)
    print("\n\n".join(tables(results).values()))
    if given.write:
        write(results)


if __name__ == "__main__":
    main()
