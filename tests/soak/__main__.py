"""`make soak`: 30 minutes at 70 % of the peak while things break; exit 1 if a book does not balance."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.soak.run import Result, soak


def main() -> None:
    """Run it and print what was found."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--seed", type=int, default=None, help="a run's faults come again with its seed")
    arguments.add_argument("--rate", type=float, default=0, help="events per second [70 %% of the peak]")
    arguments.add_argument("--workers", type=int, default=2)
    given = arguments.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="trackway-soak-") as directory:
        result = soak(
            Path(directory),
            minutes=given.minutes,
            seed=seed,
            rate=given.rate,
            workers=given.workers,
            say=lambda line: print(line, flush=True),
        )
    _print(result)
    sys.exit(1 if result.wrong else 0)


def _print(result: Result) -> None:
    print(f"\n{result.acknowledged:,} events acknowledged in {result.seconds / 60:.1f} minutes, seed {result.seed}")
    print("answers  " + ", ".join(f"{what} {count:,}" for what, count in result.answers.most_common()))
    print("faults   " + ", ".join(f"{what} {count}" for what, count in sorted(result.faults.items())))
    print(f"median time to a 200: {result.median_ack_s * 1e3:.0f} ms")
    for sentence in result.wrong:
        print("WRONG    " + sentence)
    if not result.wrong:
        print("acknowledged = stored, nothing twice, every book balances")


if __name__ == "__main__":
    main()
