"""Address → country, region, city, by a GeoIP database in MaxMind's format that the operator gives."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from trackway_collector.errors import ConfigError

REMEMBERED = 8192
"""Addresses; a device sends many requests in a row."""


class Place(NamedTuple):
    """Where an address is, as far as the database knows; texts are empty where it does not."""

    country: str = ""
    """ISO 3166-1 alpha-2."""
    region: str = ""
    """In English, as the database names it."""
    city: str = ""


NOWHERE = Place()


class Places:
    """
    Looks addresses up in a database; its file may be replaced (a new inode) and is then opened anew by the next reload.

    Raises:
        ConfigError: the file cannot be read as such a database, or the library is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import maxminddb
        except ImportError as error:
            message = "`geoip` needs a library: pip install 'trackway[geoip]'."
            raise ConfigError(message) from error
        try:
            self._reader: Any = maxminddb.open_database(str(path), maxminddb.MODE_AUTO)
        except OSError as error:
            message = f"{path}: the GeoIP database cannot be read: {error.strerror}.\n  Mend the setting `geoip`."
            raise ConfigError(message) from error
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            message = f"{path}: is no GeoIP database in MaxMind's format (.mmdb).\n  Mend the setting `geoip`."
            raise ConfigError(message) from error
        self.of = lru_cache(maxsize=REMEMBERED)(self._of)

    def _of(self, address: str) -> Place:
        try:
            found = self._reader.get(address) if address else None
        except ValueError:  # no address, or an IPv6 one in a database without them
            return NOWHERE
        if not isinstance(found, dict):
            return NOWHERE
        regions = found.get("subdivisions")
        country = found.get("country") or found.get("registered_country")
        code = country.get("iso_code") if isinstance(country, dict) else found.get("country_code")
        region = _name(regions[0]) if isinstance(regions, list) and regions else ""
        return Place(code if isinstance(code, str) else "", region, _name(found.get("city")))


def _name(place: Any) -> str:
    names = place.get("names") if isinstance(place, dict) else None
    name = names.get("en") if isinstance(names, dict) else None
    return name if isinstance(name, str) else ""
