"""
Our SDK beside the clients of others, each used as its README says, in real processes that meet real trouble.

`environment` makes a virtual environment with all of them (`requirements.txt`), `clients` has one adapter for each,
`program` is the program that uses one of them, `collector` the server they all send to (it reads each one's `wire`),
`scenarios` what happens to program and collector, `run` makes it happen and counts, `report` writes the tables of
docs/compare_sdks.md. `speed` and `counter` are the same idea for the timings of `make bench`.

`make compare` runs everything, which takes about a quarter of an hour.
"""
