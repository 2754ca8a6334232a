"""
Clients of others, unmodified, against our collector: they change their host and nothing else.

    driver (one process a client) → a port of the fault proxy → `trackway up` → warehouse

`catalogue` says which clients there are, `installed` puts each into a folder of its own, `drivers` holds the little
program that uses each one as its documentation says, `journey` what every program calls. `faults` is the proxy: each
client meets each answer at a port of its own, a few times, before the collector is itself again. `run` lets all of it
happen once, `matrix` words what was seen for docs/other_clients.md, and the tests say what must be true.
"""
