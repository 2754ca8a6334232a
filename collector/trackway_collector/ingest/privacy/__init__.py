"""
What the collector may know of the person behind a request, and what of it may reach the disk.

    policy.py     what `[sources.NAME.privacy]` can say
    addresses.py  the client's address behind trusted proxies; an address cut, hashed or removed
    places.py     address → country, region, city, by a GeoIP database that the operator gives
    device.py     a request → the device that sent it, as far as the policy lets it be kept
    cookie.py     the first-party cookie with an anonymous id
    steps.py      events without consent are rejected; addresses inside events follow the policy

All of it happens before the spool: what a policy forbids is in no file, no log and no metric.
"""
