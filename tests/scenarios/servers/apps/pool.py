"""10,000 events from a pool of processes that are replaced after 1,000 each; `fork`, `spawn` or `forkserver`."""

from __future__ import annotations

import multiprocessing
import os
import sys

from trackway import Tracker

EVENT = os.environ["TEST_EVENT"]

tracker = Tracker(flush_interval_s=30)


def work(number: int) -> None:
    """Track the event with this number."""
    tracker.track(EVENT, {"number": number}, user_id=f"visitor-{number % 100}")


if __name__ == "__main__":
    work(0)
    pool = multiprocessing.get_context(sys.argv[1]).Pool(2, maxtasksperchild=10)
    for _ in pool.imap_unordered(work, range(1, 10_001), chunksize=100):
        pass
    # `with Pool(…)` would end it by terminate(), which kills the workers with all they hold.
    pool.close()
    pool.join()
