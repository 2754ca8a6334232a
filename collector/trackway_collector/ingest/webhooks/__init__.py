"""
`POST /v1/webhook/NAME`: what a payment provider or a CRM calls becomes planned events.

    signature (401) ─▶ JSON or form ─▶ mapping ─▶ judge and privacy steps ─▶ spool ─▶ 200

`[webhooks.NAME]` of trackway.toml names the scheme of the signature, the secret and the mapping file; docs/webhooks.md
shows one for each provider. There is no write key: the signature says who calls. Providers send again what was not
answered with 200, and some send twice anyhow: the mapping's `messageId` makes both one event.

A call that is signed and that the mapping cannot take is not lost: it goes to quarantine whole, as `unmapped`, and
`trackway quarantine replay --fix` brings it in by the mended mapping. Where the plan or the source's privacy rules
forbid to store something, nobody can say whether such a call holds it: it is refused with 422, and the provider sends
it again later.

    settings.py    the tables, and what they name, ready for use
    signatures.py  the schemes
    handle.py      the route
"""
