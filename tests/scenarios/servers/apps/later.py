"""A later process with the same queue: it tracks one event, and with it sends what killed processes left."""

from __future__ import annotations

import os

from trackway import Tracker

tracker = Tracker()
tracker.track(f"{os.environ['TEST_EVENT']}: later", user_id="server")
while not tracker.stats().adopted and not tracker.flush(0):
    pass
tracker.flush(60)
