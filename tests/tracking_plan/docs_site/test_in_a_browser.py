"""The site in a real browser, opened from the file system with the network off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.support.browser import console_errors, headless_browser, prefer
from tests.tracking_plan.docs_site import plans
from tests.tracking_plan.docs_site.test_contents import site
from trackway_plan.docs_site import SourceVolume, Volumes, contents, page
from trackway_plan.loading.plan import load_plan

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CONTRAST = """
const channel = (value) => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const back = (node) => {
  for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
};
const poor = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!own || node.closest("script, noscript, option, .unseen, .skip") || !node.getClientRects().length) continue;
  const [one, two] = [rgb(getComputedStyle(node).color), back(node)].map(light).sort((a, b) => b - a);
  if ((one + .05) / (two + .05) < 4.5) poor.push(node.outerHTML.slice(0, 80));
}
return poor;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A browser that has no network."""
    with headless_browser() as chrome:
        chrome.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        chrome.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        yield chrome


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the shop's site."""
    directory = tmp_path_factory.mktemp("shop")
    return written(directory / "shop.html", page(site(plans.storefront(directory))))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the site of a plan that means harm."""
    directory = tmp_path_factory.mktemp("hostile")
    return written(directory / "plan.html", page(site(plans.hostile(directory / "plan"))))


def written(path: Path, text: str) -> str:
    """Write a page and return its file:// address."""
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


def opened(chrome: Chrome, address: str) -> None:
    """Open an address as if for the first time: a change of the part behind # alone loads nothing."""
    chrome.get("about:blank")
    chrome.get(address)


def until(chrome: Chrome, condition: Callable[[], object]) -> None:
    """Wait until the page shows it."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(chrome, 20, poll_frequency=0.05).until(lambda _: condition())


def texts(chrome: Chrome, selector: str) -> list[str]:
    """The texts of all elements that match."""
    script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)"
    found: list[str] = chrome.execute_script(script, selector)
    return found


def typed(chrome: Chrome, query: str) -> list[str]:
    """The names that a search finds, in their order."""
    chrome.execute_script(
        "const box = document.getElementById('query'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input', {bubbles: true}))",
        query,
    )
    return texts(chrome, "#list .name")


def chosen(chrome: Chrome, select: str, value: str) -> list[str]:
    """The names that are left when a filter is set."""
    chrome.execute_script(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', {bubbles: true}))",
        select,
        value,
    )
    return texts(chrome, "#list .name")


def test_search_finds_events_properties_owners_and_descriptions(browser: Chrome, shop: str) -> None:
    """Every word must match, wherever it stands; the event whose name it is comes first."""
    opened(browser, shop)
    assert typed(browser, "order")[0] == "order_completed"
    assert typed(browser, "PAYMENT captured") == ["order_completed"]
    assert typed(browser, "coupon") == ["order_completed", "coupon"]
    assert typed(browser, "storefront-team")[:2] == ["product_page_viewed", "product_seen"]
    assert typed(browser, "purchase_complete") == ["order_completed"]
    assert typed(browser, "no such thing") == []
    assert texts(browser, "#found") == ["0 events of 4"]
    assert not console_errors(browser)


@pytest.mark.parametrize(
    ("query", "name"),
    [("订单", plans.CHINESE), ("مكتمل", plans.ARABIC), ("สำเร็จ", plans.THAI), ("ЁЛКА", "ёлка"), ("елка", "ёлка"),
     ("🛒", plans.EMOJI), ("__proto__", "__proto__"), ("constructor", "constructor"), ("<script>", plans.EVIL)],
)  # fmt: skip
def test_search_finds_names_in_any_script(browser: Chrome, hostile: str, query: str, name: str) -> None:
    """Whatever the script, case and accent; and what is found opens."""
    opened(browser, hostile)
    assert typed(browser, query)[0] == name
    browser.find_element("css selector", "#find").submit()
    until(browser, lambda: texts(browser, "h1") == [name])
    assert texts(browser, ".properties tbody th .own")[0] == name


def test_accents_and_width_do_not_matter(browser: Chrome, tmp_path: Path) -> None:
    """`lodzi` finds Łodzi by its accents but for the letter ł, `ete` finds ÉTÉ; among 1,000 events at once."""
    opened(browser, written(tmp_path / "large.html", page(site(plans.large(tmp_path / "large")))))
    assert texts(browser, "#found") == ["1,000 events"]
    assert typed(browser, "łodzi ete") == ["thing_0999_done"]
    assert typed(browser, "ｔｈｉｎｇ_0042")[0] == "thing_0042_done"
    assert len(typed(browser, "thing")) >= 1000


def test_filters_narrow_the_list(browser: Chrome, shop: str) -> None:
    """By status, by owner, and both with a search."""
    opened(browser, shop)
    assert chosen(browser, "status", "deprecated") == ["product_seen"]
    assert chosen(browser, "status", "") == [
        "product_page_viewed",
        "product_seen",
        "cart_item_added",
        "order_completed",
    ]
    assert chosen(browser, "owner", "checkout-team") == ["cart_item_added", "order_completed"]
    assert typed(browser, "cart")[0] == "cart_item_added"
    assert texts(browser, "#found")[0].startswith("1 event of 4")


def test_a_deep_link_opens_the_event_with_all_it_has(browser: Chrome, shop: str) -> None:
    """`#event/order_completed` shows the event; its link in the list is the current one."""
    opened(browser, f"{shop}#event/order_completed")
    assert texts(browser, "h1") == ["order_completed"]
    assert browser.title == "order_completed · storefront"
    assert texts(browser, "#list [aria-current=page] .name") == ["order_completed"]
    assert texts(browser, "main h2") == ["Properties", "Rules", "Example", "Used by", "History"]
    assert texts(browser, "main section:nth-of-type(2) li") == [
        'If payment_method is "wallet", then wallet_brand is required.'
    ]
    assert texts(browser, ".history h3") == ["Revision 22026-12-01", "Revision 12026-11-22"]


def test_a_deep_link_to_a_property_marks_its_row(browser: Chrome, shop: str) -> None:
    """Also to one inside a list, and the row is in view."""
    opened(browser, f"{shop}#event/order_completed/{quote('items[].sku', safe='')}")
    assert texts(browser, "tr.target .own") == ["sku"]
    top = "return document.querySelector('tr.target').getBoundingClientRect().top"
    until(browser, lambda: 40 < browser.execute_script(top) < 900)


def test_links_lead_on_and_back(browser: Chrome, shop: str) -> None:
    """Groups, types, sources, owners and definitions have pages; the back button works; titles get the focus."""
    opened(browser, f"{shop}#event/order_completed")
    for address, title in {
        "#group/money": "money",
        "#type/order_line": "order_line",
        "#source/api": "api",
        "#owner/checkout-team": "checkout-team",
        "#definition/funnel/checkout": "checkout",
        "#property/sku": "sku",
        "#traits/user": "user",
        "#changes": "Changes",
        "#groups": "Property groups",
        "#owners": "Owners",
    }.items():
        browser.execute_script("location.hash = arguments[0]", address)
        until(browser, lambda title=title: texts(browser, "h1") == [title])  # type: ignore[misc]
        assert browser.execute_script("return document.activeElement.tagName") == "H1"
    browser.back()
    until(browser, lambda: texts(browser, "h1") == ["Property groups"])
    assert not console_errors(browser)


def test_a_former_name_leads_to_the_event_and_an_unknown_one_says_so(browser: Chrome, shop: str) -> None:
    """Old links live on."""
    opened(browser, f"{shop}#event/purchase_complete")
    assert texts(browser, "main .lead") == ["It is now called order_completed."]
    opened(browser, f"{shop}#event/nothing%ZZ")
    assert texts(browser, "h1") == ["Not in the plan"]
    opened(browser, f"{shop}#__proto__/x")
    assert texts(browser, "h1") == ["Not in the plan"]


def test_no_request_leaves_and_nothing_of_a_plan_runs(browser: Chrome, hostile: str) -> None:
    """Every page of a hostile plan, with its markup shown letter by letter."""
    from selenium.webdriver.common.by import By

    opened(browser, hostile)
    links: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('#list a, #parts a')].map((node) => node.getAttribute('href'))"
    )
    assert len(links) > 12
    for link in links:
        opened(browser, hostile + link)
        assert texts(browser, "h1") != ["Not in the plan"], link
        assert browser.title != "broken in"
        assert not browser.find_elements(By.CSS_SELECTOR, "main img, main script, main b, aside img, aside script")
    requests: list[str] = browser.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert requests == []
    assert not console_errors(browser)
    assert plans.CLOSER in texts(browser, "body")[0]


def test_marks_that_turn_text_are_shown(browser: Chrome, hostile: str) -> None:
    """A direction mark is shown by its number instead of turning what follows."""
    opened(browser, f"{hostile}#event/{quote(plans.CHINESE, safe='')}")
    [shown] = [text for text in texts(browser, ".properties p") if "exe" in text]
    assert shown == "abc\\u202egnp.exe"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser: Chrome, shop: str, scheme: str) -> None:
    """4.5 or more, in light and dark, on every kind of page."""
    prefer(browser, "dark" if scheme == "dark" else "light")
    for address in ("", "#event/order_completed", "#event/product_seen", "#event/order_completed/order_id", "#changes"):
        opened(browser, shop + address)
        assert browser.execute_script(CONTRAST) == [], address
    prefer(browser, "light")


def test_a_phone_shows_one_thing_at_a_time(browser: Chrome, shop: str) -> None:
    """The list is the home page; an event's page has a way back, and nothing is wider than the screen."""
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        shown = "return [...arguments].map((each) => document.querySelector(each).getClientRects().length > 0)"
        opened(browser, shop)
        assert browser.execute_script(shown, "aside") == [True]
        opened(browser, f"{shop}#event/order_completed")
        assert browser.execute_script(shown, "aside", ".back") == [False, True]
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_volumes_are_shown_where_there_are_any(browser: Chrome, shop: str, tmp_path: Path) -> None:
    """Counts in the list and by source; without a warehouse no column, and the page says so."""
    opened(browser, shop)
    assert texts(browser, "#list .count") == []
    assert "No warehouse was asked for this site, so it shows no volumes." in texts(browser, "main p")
    moment = datetime(2026, 11, 30, 14, 2, tzinfo=UTC)
    counted = {
        "order_completed": (SourceVolume(source="api", events=1200, last_seen_at=moment),),
        "purchase_complete": (SourceVolume(source="web", events=34, last_seen_at=moment),),
    }
    volumes = Volumes(since=datetime(2026, 11, 1, tzinfo=UTC), until=moment, by_event=counted)
    data = contents(load_plan(plans.STOREFRONT), volumes=volumes)
    opened(browser, written(tmp_path / "shop.html", page(data)) + "#event/order_completed")
    assert texts(browser, "#list .count") == ["0", "0", "0", "1,234"]
    assert texts(browser, ".plain td, .plain tbody th") == [
        "api", "1,200", "2026-11-30 14:02 UTC", "web", "34", "2026-11-30 14:02 UTC",
    ]  # fmt: skip
    assert "received from 2026-11-01 00:00 UTC to 2026-11-30 14:02 UTC." in texts(browser, "main section p")[0]


def test_an_example_is_copied_or_at_least_selected(browser: Chrome, shop: str) -> None:
    """The button puts the JSON into the clipboard; where that is not allowed the text is selected."""
    opened(browser, f"{shop}#event/order_completed")
    button = browser.find_element("css selector", ".example button")
    button.click()
    until(browser, lambda: button.text != "Copy")
    if button.text != "Copied":
        assert '"order_id": "A-1"' in browser.execute_script("return getSelection().toString()")


def test_keys_reach_the_search_and_leave_it(browser: Chrome, shop: str) -> None:
    """`/` goes to the search, Enter to the first hit, Escape empties it."""
    from selenium.webdriver.common.keys import Keys

    opened(browser, f"{shop}#event/product_seen")
    browser.find_element("css selector", "body").send_keys("/")
    box = browser.switch_to.active_element
    assert box.get_attribute("id") == "query"
    box.send_keys("cart", Keys.ENTER)
    until(browser, lambda: texts(browser, "h1") == ["cart_item_added"])
    box.send_keys(Keys.ESCAPE)
    assert len(texts(browser, "#list .name")) == 4
