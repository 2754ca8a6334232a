"""
From an HTTP request to a row in ClickHouse. Follow the folders in this order:

    ingest/     auth → decode → judge → one outcome per event          (the ingest worker's process)
    spool/      append + fsync; only now is the answer 200
    loader/     spool block → rows → insert → the checkpoint moves     (the store process)
    warehouse/  the ClickHouse engine, embedded or a server
    store/      the process that owns the loader, the console and, when embedded, the engine
"""
