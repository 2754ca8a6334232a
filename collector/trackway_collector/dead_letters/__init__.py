"""
Requests that were refused as a whole, a sample of them: what a person needs to find out which client is wrong, and how.

    log.py      writes `<data_dir>/dead-letters/<worker>.jsonl`
    scrub.py    what of a body may be kept
    command.py  `trackway collector dead-letters`

An event that is refused alone is in the answer to its request, and one that the plan refuses is in quarantine. Here are
the requests of which nothing was stored for a reason that time does not cure: no JSON, over a limit, an unknown key, a
wrong signature, a path that does not exist. Overload (429, 503) is no fault of the request and is not written.
"""
