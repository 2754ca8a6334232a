"""Plans to make sites of: one with a history, one that means harm, one that is large."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

from trackway_plan.loading.plan import load_plan
from trackway_plan.release import write_release

STOREFRONT = Path(__file__).parents[3] / "tracking_plan" / "examples" / "storefront"
EVIL = "<script>document.title='broken in'</script>"
CLOSER = "</script><img src=x onerror=\"document.title='broken in'\">"
MARKDOWN = "**bold** [link](javascript:alert(1)) `code` {{script}} ${1+1}"
TURNED = "abc\u202egnp.exe"
"""Has a mark that turns the direction of what follows: `abcexe.png` to the eye."""
ARABIC = "طلب_مكتمل"
CHINESE = "订单完成"
THAI = "สั่งซื้อสำเร็จ"
EMOJI = "🛒 added / 100%"


def storefront(directory: Path) -> Path:
    """The shop after three revisions, one of them a rename, and a change that is not released."""
    root = Path(shutil.copytree(STOREFRONT, directory / "storefront"))
    viewed, money = root / "events/browse/product_viewed.yaml", root / "groups/money.yaml"
    _replace(money, "properties:\n", "properties:\n  tax_minor: {type: int, min: 0, unit: minor, pii: none}\n")
    write_release(load_plan(root), root, date(2026, 12, 1))
    _replace(viewed, "event: product_viewed", "event: product_page_viewed")
    _replace(viewed, "examples:", "formerly: [{event: product_viewed, through: 2}]\nexamples:")
    _replace(
        root / "events/browse/product_seen.yaml", "replaced_by: product_viewed", "replaced_by: product_page_viewed"
    )
    write_release(load_plan(root), root, date(2026, 12, 24))
    _replace(viewed, "max: 5", "max: 10")
    return root


def hostile(directory: Path) -> Path:
    """A plan whose every text tries to be something else."""
    texts = {"owner": EVIL, "summary": CLOSER, "when": MARKDOWN}
    _write(directory / "plan.yaml", {"plan": EVIL, "format": 1, "summary": CLOSER,
        "sources": {EVIL: {"summary": MARKDOWN, "sdk": CLOSER}}})  # fmt: skip
    names = [EVIL, CLOSER, MARKDOWN, ARABIC, CHINESE, THAI, EMOJI, "__proto__", "constructor", "..", "a/b#c?d", "ёлка"]
    for number, name in enumerate(names):
        property_ = {"type": "choice", "pii": "none", "summary": MARKDOWN, "unit": CLOSER, "choices": {CLOSER: EVIL}}
        properties = {name: property_, f"{number}{EVIL}": {"type": "object", "pii": "none", "properties": {
            ARABIC: {"type": "string", "pattern": "<b>", "pii": "none", "summary": TURNED}}}}  # fmt: skip
        content = {"event": name, **texts, "sent_by": [EVIL], "properties": properties, "examples": [{name: CLOSER}]}
        _write(directory / "events" / "x" / f"e{number}.yaml", content)
    _write(directory / "definitions" / "f.yaml", {"funnel": EVIL, "summary": CLOSER, "steps": [EVIL, CHINESE]})
    return directory


def large(directory: Path, events: int = 1000, properties: int = 20) -> Path:
    """As many events with as many properties each; the last event is about tea in Łódź."""
    _write(directory / "plan.yaml", {"plan": "large", "format": 1, "sources": {"web": {}}})
    for number in range(events):
        own = {}
        for each in range(properties):
            summary = f"What number {each} of event {number} says about it."
            own[f"property_{number % 50}_{each}"] = {"type": "int", "min": each, "pii": "none", "summary": summary}
        content = {
            "event": f"thing_{number:04}_done",
            "owner": f"team-{number % 12}",
            "summary": "Herbata w Łodzi, ÉTÉ." if number == events - 1 else f"Thing {number} was done.",
            "status": "draft" if number % 10 == 0 else "active",
            "properties": own,
        }
        _write(directory / "events" / f"area_{number % 25:02}" / f"thing_{number:04}.yaml", content)
    return directory


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")  # JSON is YAML


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
