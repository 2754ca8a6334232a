"""
The mapping language: a YAML file that says how any record becomes one of our events.

`trackway import` (rows of CSV, Parquet and JSON lines), webhooks (a provider's payload) and `trackway quarantine replay
--fix` (an event that was set aside) all use it. docs/import.md explains it with examples.

    load.py       the file, read into a compiled mapping; everything wrong with it at once, with line and column
    event.py      `EventMapping`: record in, event out
    values.py     one value of the event: a field, a template, a constant, an object, a list
    paths.py      `customer.address."post code"` and `items[0]`: where a value stands in a record
    convert.py    numbers from text, times from anything, tables of values
    conditions.py `when:` which records a rule is for
    reshape.py    `rename:` and `drop:`, before everything else
    message_id.py the same record, the same id
    errors.py     a mapping that cannot be used, and a record that a mapping cannot take

A mapping is compiled once into plain functions; applying it looks nothing up and reads no YAML.
"""

from trackway_collector.mapping.errors import MappingError, Unmappable
from trackway_collector.mapping.event import EventMapping, Json
from trackway_collector.mapping.load import load_mapping, parse_mapping
from trackway_collector.mapping.message_id import record_id

__all__ = ["EventMapping", "Json", "MappingError", "Unmappable", "load_mapping", "parse_mapping", "record_id"]
