"""
The console in a real browser: what a person reads is what the queries say, and nothing an event carries is
run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.analytics.console.conftest import served
from tests.support.browser import console_errors, headless_browser, prefer
from tests.support.stored import store_calls, store_events, store_quarantined
from trackway_analytics import Events
from trackway_analytics.demo.questions import QUESTIONS
from trackway_analytics.demo.replay import LOGS, air_calls
from trackway_collector.warehouse import Warehouse

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.parametrize("engine", ["chdb"], indirect=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """One browser for all tests of this file."""
    with headless_browser() as chrome:
        yield chrome


@pytest.fixture
def url(warehouse: Warehouse, status: dict[str, Any]) -> Iterator[str]:
    """The console's address with its token."""
    with served(warehouse, status) as address:
        yield address


def until(chrome: Chrome, condition: Callable[[], object]) -> None:
    """Wait until the page shows it."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(chrome, 30, poll_frequency=0.1).until(lambda _: condition())


def text(chrome: Chrome, selector: str) -> str:
    """Return the text of one element, shown or not."""
    return str(chrome.execute_script("return document.querySelector(arguments[0]).textContent", selector))


def texts(chrome: Chrome, selector: str) -> list[str]:
    """Return the texts of all elements that match."""
    script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)"
    found: list[str] = chrome.execute_script(script, selector)
    return found


def is_shown(chrome: Chrome, selector: str) -> bool:
    """Whether the element takes part in the page."""
    return bool(chrome.execute_script("return !document.querySelector(arguments[0]).hidden", selector))


def table(chrome: Chrome, chart: str) -> list[list[str]]:
    """Return the cells of a chart's table of numbers, the header first."""
    script = (
        "return [...document.querySelectorAll(`#${arguments[0]} .numbers tr`)]"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    found: list[list[str]] = chrome.execute_script(script, chart)
    return found


def shown(value: object) -> str:
    """Return how the page writes a value of an answer."""
    if value is None:
        return "–"
    if isinstance(value, (int, float)):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    return str(value)


def test_the_numbers_are_those_of_the_queries(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """
    With the three logs stored, counts and every cell of the four tables equal what the questions answer.
    """
    for log in LOGS:
        store_calls(warehouse, log.source, log.calls())
    store_quarantined(warehouse, [{"event": "Paid", "reasons": ["`total` is text."]}])
    browser.get(url)
    until(browser, lambda: text(browser, "#events") == "168,156")
    assert text(browser, "#quarantined") == "1"
    for name, question in QUESTIONS.items():
        until(browser, partial(table, browser, name))
        answer = question.ask(Events(warehouse)).to_dict()
        expected = [answer["columns"], *([shown(value) for value in row] for row in answer["rows"])]
        assert table(browser, name) == expected
        assert text(browser, f"#{name} .semantics") == answer["semantics"]
        assert text(browser, f"#{name} .sql code") == answer["sql"]
    assert table(browser, "funnel")[1][:3] == ["1", "onboarding_welcome_screen", "4,120"]
    assert not console_errors(browser)


def test_charts_are_drawn_in_light_and_dark(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """A bar for each step, in the colours of the person's system, redrawn when the system changes."""
    store_calls(warehouse, "air", air_calls())
    prefer(browser, "light")
    browser.get(url)
    until(browser, lambda: texts(browser, "#paths .sankey-node"))
    assert len(texts(browser, "#funnel .bars .point")) == 5
    ink = "return getComputedStyle(document.querySelector('#funnel .xtick text')).fill"
    light = browser.execute_script(ink)
    prefer(browser, "dark")
    until(browser, lambda: browser.execute_script(ink) != light)
    prefer(browser, "light")


def test_a_chart_without_its_source_says_what_it_needs(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """A store with events of other apps shows them, and says in words why the demo's charts are empty."""
    store_events(warehouse, [{"event": "Signed Up", "person_id": "bo"}])
    browser.get(url)
    until(browser, lambda: "trackway demo" in text(browser, "#attribution .missing"))
    assert is_shown(browser, "#feed")
    assert not is_shown(browser, "#funnel .plot")


def test_an_empty_store_says_how_to_send_the_first_event(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """No table and no error, but code to copy; the first event replaces it without a reload."""
    browser.get(url)
    until(browser, lambda: is_shown(browser, "#empty"))
    assert "tracker.track(" in text(browser, "#empty")
    assert not is_shown(browser, "#feed")
    store_events(warehouse, [{"event": "Signed Up", "person_id": "bo"}])
    until(browser, lambda: texts(browser, "#recent .event") == ["Signed Up"])
    assert not is_shown(browser, "#empty")


def test_what_events_carry_is_text_and_never_runs(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """Markup in names, people, properties and reasons is shown letter by letter; no element comes of it."""
    evil = "<img src=x onerror=\"document.title='broken in'\"></td><script>document.title='broken in'</script>"
    store_events(
        warehouse,
        [
            {
                "source": evil,
                "event": evil,
                "person_id": evil,
                "verdict": "flagged",
                "violations": [evil],
                "properties": {evil: evil},
            }
        ],
    )
    store_quarantined(warehouse, [{"event": evil, "reasons": [evil], "payload": evil}])
    browser.get(url)
    until(browser, lambda: len(texts(browser, "#recent tr")) == 2)
    assert texts(browser, "#recent .event") == [evil, evil]
    assert texts(browser, "#recent .reasons") == [evil, evil]
    assert not texts(browser, "#recent img")
    assert not texts(browser, "#recent script")
    assert browser.title == "Console · Trackway"


def test_names_in_any_script_are_shown_as_written(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """
    Chinese, Arabic and emoji arrive unharmed; a name written right to left does not turn its row around.
    """
    names = ["注册成功", "تسجيل الدخول", "購入 🛒", "naïve café"]
    for name in names:
        store_events(warehouse, [{"event": name, "person_id": "ليلى", "properties": {"城市": "上海"}}])
    browser.get(url)
    until(browser, lambda: len(texts(browser, "#recent tr")) == 4)
    assert sorted(texts(browser, "#recent .event")) == sorted(names)
    assert set(texts(browser, "#recent summary")) == {'{"城市": "上海"}'}
    starts = browser.execute_script(
        "return [...document.querySelectorAll('#recent .event bdi')].map((name) => name.getBoundingClientRect().left)"
    )
    assert len(set(starts)) == 1


def test_verdicts_and_their_reasons_are_readable(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """Each verdict is a word, not only a colour; the reasons stand beside it."""
    store_events(warehouse, [{"event": "Sined Up", "verdict": "flagged", "violations": ["unplanned_event"]}])
    store_quarantined(warehouse, [{"event": "Paid", "reasons": ["`total` is text; the plan says number."]}])
    browser.get(url)
    until(browser, lambda: len(texts(browser, "#recent tr")) == 2)
    assert texts(browser, "#recent .verdict") == [
        "quarantined`total` is text; the plan says number.",
        "flaggedunplanned_event",
    ]


def test_the_list_can_be_paused_by_keyboard(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """Paused, the list stands still while the counts go on; the button says so to a screen reader."""
    from selenium.webdriver.common.keys import Keys

    store_events(warehouse, [{"event": "First"}])
    browser.get(url)
    until(browser, lambda: texts(browser, "#recent .event") == ["First"])
    pause = browser.find_element("id", "pause")
    pause.send_keys(Keys.ENTER)
    assert pause.get_attribute("aria-pressed") == "true"
    store_events(warehouse, [{"event": "Second"}])
    until(browser, lambda: text(browser, "#events") == "2")
    assert texts(browser, "#recent .event") == ["First"]
    pause.send_keys(Keys.SPACE)
    until(browser, lambda: texts(browser, "#recent .event") == ["Second", "First"])


def test_the_page_says_that_loading_is_stuck(
    browser: Chrome, url: str, warehouse: Warehouse, status: dict[str, Any]
) -> None:
    """The loader's error and lag are on the page in words, and go when it has recovered."""
    store_events(warehouse, [{"event": "Seen"}])
    status |= {"loading_error": "ClickHouse is down", "lag_seconds": 65.0, "lag_bytes": 1_500_000}
    browser.get(url)
    until(browser, lambda: "ClickHouse is down" in text(browser, "#problem"))
    assert text(browser, "#lag-seconds") == "65.0 s"
    assert text(browser, "#lag-bytes") == "1.5 MB"
    assert text(browser, "#state") == "Not loading"
    status |= {"loading_error": None, "lag_seconds": 0.0, "lag_bytes": 0}
    until(browser, lambda: not is_shown(browser, "#problem"))


def test_the_token_leaves_the_address_bar_and_the_cookie_stays(browser: Chrome, url: str) -> None:
    """After the first look the address holds no token; a reload works, and script cannot read the cookie."""
    browser.get(url)
    until(browser, lambda: "token" not in browser.current_url)
    browser.refresh()
    until(browser, lambda: text(browser, "#events") == "0")
    assert browser.execute_script("return document.cookie") == ""


def test_without_a_token_the_page_asks_for_it(browser: Chrome, url: str) -> None:
    """A stranger sees how to get in; the token typed there opens the console."""
    from selenium.webdriver.common.keys import Keys

    address, token = url.split("?token=")
    browser.delete_all_cookies()
    browser.get(address)
    assert "needs a token" in text(browser, "h1")
    browser.find_element("id", "token").send_keys(token, Keys.ENTER)
    until(browser, lambda: browser.title == "Console · Trackway")


@pytest.mark.parametrize("width", [1440, 1000, 390])
def test_no_width_scrolls_sideways(browser: Chrome, url: str, warehouse: Warehouse, width: int) -> None:
    """Desk, tablet and phone: wide tables scroll inside their box, the page does not."""
    store_calls(warehouse, "air", air_calls())
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(url)
        until(browser, lambda: texts(browser, "#funnel .bars .point"))
        root = "document.documentElement"
        assert browser.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_to_press_or_read_has_a_name(browser: Chrome, url: str, warehouse: Warehouse) -> None:
    """
    Buttons, regions and pictures have an accessible name, headings go down step by step, ids are unique.
    """
    store_calls(warehouse, "air", air_calls())
    browser.get(url)
    until(browser, lambda: texts(browser, "#funnel .bars .point"))
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('button, input, [role=region], [role=img], nav, section')]"
        ".filter((e) => !(e.textContent.trim() && e.matches('button')) && !e.getAttribute('aria-label')"
        "  && !e.getAttribute('aria-labelledby')).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []
    levels = [
        int(tag[1])
        for tag in browser.execute_script(
            "return [...document.querySelectorAll('h1, h2, h3, h4')].map((e) => e.tagName)"
        )
    ]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    doubled = browser.execute_script(
        "const ids = [...document.querySelectorAll('main [id]')]"
        ".filter((e) => !e.closest('svg')).map((e) => e.id);"
        "return ids.filter((id, i) => ids.indexOf(id) !== i)"
    )
    assert doubled == []
