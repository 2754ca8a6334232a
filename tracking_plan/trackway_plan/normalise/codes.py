"""Currencies, countries and time zones, by the tables of this folder."""

from __future__ import annotations

from functools import cache
from importlib import resources

_CURRENT = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD "
    "LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP "
    "PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF "
    "XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG"
)
_GONE = "BYR CUC DEM EEK ESP FRF GHC HRK ITL LTL LVL MRO NLG SLL STD TRL VEB VEF ZWL"
CURRENCIES = frozenset(f"{_CURRENT} {_GONE}".split())
"""ISO 4217 codes, those that are gone and still in older events too."""


def currency(text: str) -> str:
    """Return an ISO 4217 code in capitals; symbols stay, since `$` is twenty currencies."""
    code = text.strip().upper()
    return code if code in CURRENCIES else text


def country(text: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of a country given by that, by its alpha-3 code or by its English name."""
    return _countries().get(" ".join(text.casefold().split()), text)


def timezone(text: str) -> str:
    """
    Return the IANA name of a time zone as it is written today: `asia/calcutta` is `Asia/Kolkata`.

    Zones that the database only merged, such as Europe/Stockholm, are kept apart. `EST`, `CET` and the like stay.
    """
    return _timezones().get(text.strip().casefold(), text)


@cache
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _lines("countries.txt"):
        alpha2, *others = line.split("|")
        found |= {name.casefold(): alpha2 for name in (alpha2, *others)}
    return found


@cache
def _timezones() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _lines("timezones.txt"):
        name, _, today = line.partition("=")
        found[name.casefold()] = today or name
    return found


def _lines(name: str) -> list[str]:
    text = (resources.files("trackway_plan.normalise") / name).read_text("utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
