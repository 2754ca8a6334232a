"""
The last stop of an event: tables in ClickHouse, and one protocol to write and read them.

Follow the files in this order: `url` (where the warehouse is), `base` (what one can do with it), `clickhouse`
(a server over HTTP) and `embedded` (chDB inside this process, over `engine`), `migrate` and `migrations/`
(the tables), `plan_columns` (typed properties from a plan's release), `plan_releases` (the releases themselves, for
those who ask questions), `store_file` (how other processes find
the embedded store).

```python
warehouse = open_warehouse("chdb:///var/lib/trackway/chdb", owner=True)
migrate(warehouse)
warehouse.query("SELECT count() FROM events WHERE event = {event:String}", {"event": "Order Completed"}).rows
```
"""

from __future__ import annotations

from trackway_collector.warehouse.base import QueryResult, Warehouse
from trackway_collector.warehouse.errors import (
    EngineBusyError,
    MigrationError,
    Terminal,
    Transient,
    UnreachableError,
    WarehouseError,
    WarehouseUrlError,
)
from trackway_collector.warehouse.migrate import migrate
from trackway_collector.warehouse.opening import open_warehouse
from trackway_collector.warehouse.parameters import Name
from trackway_collector.warehouse.plan_columns import apply_plan, property_types
from trackway_collector.warehouse.plan_releases import record_release, recorded_releases
from trackway_collector.warehouse.url import WarehouseUrl

__all__ = [
    "EngineBusyError",
    "MigrationError",
    "Name",
    "QueryResult",
    "Terminal",
    "Transient",
    "UnreachableError",
    "Warehouse",
    "WarehouseError",
    "WarehouseUrl",
    "WarehouseUrlError",
    "apply_plan",
    "migrate",
    "open_warehouse",
    "property_types",
    "record_release",
    "recorded_releases",
]
