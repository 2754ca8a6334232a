"""
The plan's releases in the warehouse, so that questions resolve former names without any plan file.

The store process records a release when it starts with it or reloads it. Recording twice changes nothing.
"""

from __future__ import annotations

import secrets
from importlib import resources

import msgspec

from trackway_collector.warehouse.base import Warehouse
from trackway_collector.warehouse.errors import WarehouseError
from trackway_plan import Release

UNKNOWN_TABLE = 60

_IS_RECORDED = """
SELECT argMax(hash, recorded_at) = {hash:String} AND count() > 0
FROM plan_releases
WHERE name = {name:String} AND rev = {rev:UInt32}
"""


def record_release(warehouse: Warehouse, release: Release) -> bool:
    """
    Make the warehouse know a release; whether it was new to it.

    Raises:
        WarehouseError: the warehouse does not take it; recording it again is safe.
    """
    key: dict[str, object] = {"name": release.name, "rev": release.rev, "hash": release.hash}
    if warehouse.query(_IS_RECORDED, key).one():
        return False
    row = {**key, "released_at": release.created or None, "content": release.to_json().decode()}
    token = secrets.token_hex(8)
    warehouse.insert_rows("plan_releases", msgspec.json.encode(row), token=token, query_id=f"trackway-release-{token}")
    return True


def recorded_releases(warehouse: Warehouse, known: dict[str, Release] | None = None) -> list[Release]:
    """
    The releases recorded for the plan in use, in rising order; none in a warehouse that has no table of them yet.

    Args:
        known: hash → release, of those read before; what is new is added to it.

    Raises:
        ReleaseError: a release was changed in the warehouse.
        WarehouseError: the warehouse cannot be asked.
    """
    known = {} if known is None else known
    sql = resources.files(__package__).joinpath("plan_releases.sql").read_text("utf-8")
    try:
        rows = warehouse.query(sql, {"known": list(known)}).rows
    except WarehouseError as error:
        if error.code == UNKNOWN_TABLE:
            return []
        raise
    for rev, digest, content in rows:
        if content:
            known[digest] = Release.from_json(content.encode(), f"{warehouse.url}: plan_releases rev {rev}")
    return [msgspec.structs.replace(known[digest], rev=rev) for rev, digest, _ in rows]
