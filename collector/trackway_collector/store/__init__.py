"""
The store process: the one that may open the embedded engine.

It owns the loader, hosts the console, and serves ClickHouse's HTTP protocol on loopback when the engine is embedded,
so that notebooks, the command line and other tools can read while the collector runs.
"""
