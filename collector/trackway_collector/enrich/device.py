"""
Browser, operating system and device, by the user agent and by the browser's own hints.

Browsers say ever less in the user agent: Chrome says `Windows 10` on Windows 11, `10_15_7` on any Mac and `K` for any
phone. Where a page sends `context.userAgentData` (client hints), that counts more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from trackway_collector.enrich.known import Known

if TYPE_CHECKING:
    import ua_parser

_MAX_AGENT_CHARS = 1024
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
_PHONES = frozenset({"Windows Phone", "KaiOS", "BlackBerry OS", "Symbian OS", "Firefox OS"})
_NO_MODELS = frozenset({"K", "Smartphone", "Tablet", "Desktop", "Feature Phone", "Other"})
# What hints call a thing → what user agents are read as.
_BRANDS = {"Google Chrome": "Chrome", "Microsoft Edge": "Edge"}
_PLATFORMS = {"macOS": "Mac OS X", "Chromium OS": "Chrome OS", "Chrome OS": "Chrome OS"}
_WINDOWS_11 = 13


def hints(known: Known) -> Mapping[str, str]:
    """What the browser says in `context.userAgentData`."""
    said = known.section("userAgentData")
    if not said:
        return {}
    found: dict[str, str] = {}
    name, version = _brand(said.get("fullVersionList") or said.get("brands"))
    mobile = said.get("mobile")
    if name:
        found["browser_name"] = f"{name} Mobile" if mobile is True and name in _BRANDS.values() else name
        found["browser_version"] = version.partition(".")[0]
    platform, of_platform = said.get("platform"), said.get("platformVersion")
    if type(platform) is str and platform not in ("", "Unknown"):
        found["os_name"] = _PLATFORMS.get(platform, platform)
        if type(of_platform) is str:
            found["os_version"] = _windows(of_platform) if platform == "Windows" else of_platform
    if type(model := said.get("model")) is str:
        found["device_model"] = model
    if mobile is True:
        found["device_type"] = "mobile"
    return found


def user_agent(known: Known) -> Mapping[str, str]:
    """What the user agent tells of browser, operating system and device."""
    agent = known.text("user_agent")
    found = of_user_agent(agent[:_MAX_AGENT_CHARS]) if agent else {}
    hinted = known.text("os_name")
    if found and hinted and hinted != found.get("os_name"):
        # The client's word on the system counts, so a version of another one would be wrong beside it.
        return {name: value for name, value in found.items() if name != "os_version"}
    return found


@lru_cache(maxsize=16_384)
def of_user_agent(agent: str) -> Mapping[str, str]:
    """Return the columns that a user agent, cut off where it is long, tells; `browser_version` is the major version."""
    result = _parse(agent)
    found: dict[str, str] = {}
    if (browser := result.user_agent) is not None:
        found["browser_name"], found["browser_version"] = browser.family, browser.major or ""
    if (os := result.os) is not None:
        found["os_name"] = os.family
        found["os_version"] = ".".join(part for part in (os.major, os.minor, os.patch) if part)
    family = brand = ""
    if (device := result.device) is not None:
        family, brand = device.family, device.brand or ""
        if brand != "Spider" and not brand.startswith("Generic"):
            found["device_manufacturer"] = brand
        if brand != "Spider" and device.model not in _NO_MODELS:
            found["device_model"] = device.model or ""
    if brand != "Spider":
        found["device_type"] = _device_type(agent, found.get("os_name", ""), family, brand)
    return found


def _device_type(agent: str, os: str, family: str, brand: str) -> str:
    if "TV" in family or "TV" in os or "AppleTV" in agent or "SMART-TV" in agent:
        return "tv"
    if family == "iPad" or brand == "Generic_Android_Tablet" or "Tablet" in family:
        return "tablet"
    if os == "Android":
        return "mobile" if "Mobile" in agent else "tablet"
    if os == "iOS" or os in _PHONES:
        return "mobile"
    return "desktop" if os in _DESKTOPS else ""


def _brand(brands: Any) -> tuple[str, str]:
    """The browser among the brands: none of the made-up ones, and Chromium only where it is alone."""
    said = [
        (item["brand"], item.get("version"))
        for item in (brands if isinstance(brands, list) else ())
        if isinstance(item, dict) and type(item.get("brand")) is str
    ]
    real = [(name, version) for name, version in said if "Not" not in name or "Brand" not in name]
    real.sort(key=lambda pair: pair[0] == "Chromium")
    name, version = real[0] if real else ("", "")
    return _BRANDS.get(name, name), version if type(version) is str else ""


def _windows(version: str) -> str:
    """Windows as people number it: the hint counts releases of its API."""
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) == 0:
        return ""
    return "11" if int(major) >= _WINDOWS_11 else "10"


@cache
def _resolver() -> ua_parser.Resolver:
    import ua_parser  # at first use: the rules take a moment to compile

    return ua_parser.BestAvailableResolver(ua_parser.load_lazy_builtins())


def _parse(agent: str) -> ua_parser.PartialResult:
    import ua_parser

    return _resolver()(agent, ua_parser.Domain.ALL)
