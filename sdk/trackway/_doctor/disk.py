"""The disk queue, where there is one: whether it can be used, how much room there is, and what waits in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from trackway._doctor.findings import Finding, note, ok, problem, skipped
from trackway._errors import ConfigurationError

if TYPE_CHECKING:
    from trackway._disk.survey import Waiting
    from trackway._doctor.case import Case

FULL_BELOW_BYTES = 64 * 1024 * 1024
"""With less room than this, a disk is full for what else runs on it, too."""


def check_disk(case: Case) -> Finding:
    """Open the queue's directory as a tracker would, and look at what ended processes left there."""
    options = case.options
    if options.queue == "memory" and options.overflow != "spill":
        return skipped("disk", "not used: queue is memory")
    from trackway._disk.place import open_directory
    from trackway._disk.survey import survey

    queue = "disk" if options.queue == "memory" else options.queue
    try:
        own = open_directory(queue, options.host, options.write_key)
    except ConfigurationError as error:
        what, _, mend = str(error).partition("\n")
        return problem("disk", what, mend.strip())
    free = shutil.disk_usage(own).free
    waiting = survey(own.parent, case.clock.time_ns)
    left = [log for log in waiting if log.destination == own.name and not log.alive]
    others = [log for log in waiting if log.destination != own.name and not log.alive]
    facts = {
        "directory": str(own.parent),
        "free_bytes": free,
        "waiting_events": _events([log for log in waiting if log.destination == own.name]),
        "left_events": _events(left),
        "left_for_others_events": _events(others),
    }
    message = f"{own.parent}, {_size(free)} free{_left(left, others)}"
    if free < FULL_BELOW_BYTES:
        return problem("disk", message, "Make room, or name another directory: what finds no room is lost.", **facts)
    mends = [_about_left(left, options.max_disk_age_s), _about_others(others)]
    if free < options.max_disk_bytes:
        mends.append(f"The queue may grow to {_size(options.max_disk_bytes)} (max_disk_bytes), more than is free.")
    if any(mends):
        return note("disk", message, " ".join(filter(None, mends)), **facts)
    return ok("disk", message, **facts)


def _left(left: list[Waiting], others: list[Waiting]) -> str:
    said = ""
    if left:
        said += f"; {_events(left):,} events of {_processes(left)} wait"
    if others:
        said += f"; {_events(others):,} events for other collectors or keys wait"
    return said


def _about_left(left: list[Waiting], max_age_s: float) -> str:
    if not left:
        return ""
    unreadable = sum(log.unreadable for log in left)
    mend = "The next tracker that starts with this queue, host and key sends them."
    if any(log.oldest_s > max_age_s for log in left):
        mend += f" What is older than {max_age_s / 86_400:g} days (max_disk_age_s) is dropped and counted."
    return mend + (f" {unreadable} files cannot be read, or are of a newer version." if unreadable else "")


def _about_others(others: list[Waiting]) -> str:
    if not others:
        return ""
    where = ", ".join(sorted({log.destination for log in others}))
    return f"Those in {where} are sent by a tracker with the host and key that they were tracked with."


def _events(logs: list[Waiting]) -> int:
    return sum(log.events for log in logs)


def _processes(logs: list[Waiting]) -> str:
    return "1 ended process" if len(logs) == 1 else f"{len(logs)} ended processes"


def _size(count: int) -> str:
    return f"{count / 1024**3:,.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:,.0f} MiB"
