"""A Celery project in one file, whose worker's processes track without ids: `celery -A …celery_shop worker`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery

from trackway import Tracker
from trackway.integrations.celery import instrument

directory = Path(os.environ["SHOP_BROKER"])
for name in ("queue", "control"):
    (directory / name).mkdir(exist_ok=True)

app: Any = Celery("shop", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(directory / "queue"),
        "data_folder_out": str(directory / "queue"),
        "control_folder": str(directory / "control"),
    },
    task_ignore_result=True,
)
instrument()
# Made in the parent of all workers, as a module-level tracker is; nothing leaves by itself for an hour.
tracker = Tracker("shop-key", host=os.environ["SHOP_COLLECTOR"], flush_interval_s=3600, exit_timeout_s=10)


@app.task(name="shop.pay")  # type: ignore[untyped-decorator]
def pay(number: int) -> None:
    """Track one event, of whoever published this task."""
    tracker.track("Order Paid", {"number": number, "pid": os.getpid()})
