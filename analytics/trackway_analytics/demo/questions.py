"""
The four questions about the bundled logs. The demo prints their answers and the console draws them: one
definition, so that the same number appears in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trackway_analytics import Answer, Events, Funnel

ONBOARDING = (
    "onboarding_welcome_screen",
    "onboarding__chooseLoginType",
    "onboarding_privacy_policyShown",
    "onboarding_privacy_policyAccepted",
    "passed",
)
SHOP_CHECKOUT = ("cart", "shipping_details", "purchase")


@dataclass(frozen=True, slots=True)
class Question:
    """
    A question with a name for URLs, a title and a line about its data for people, and the source it needs.
    """

    name: str
    title: str
    about: str
    source: str
    ask: Callable[[Events], Answer[Any]]


def funnel(events: Events) -> Answer[Any]:
    """From the welcome screen to a passed onboarding, by user."""
    return events.funnel(*ONBOARDING, within="1d", source="air")


def paths(events: Events) -> Answer[Any]:
    """What users of the app do after the welcome screen."""
    return events.paths(start=ONBOARDING[0], steps=5, top=6, source="air")


def retention(events: Events) -> Answer[Any]:
    """In which months after their first one users of the shop come back."""
    return events.retention(period="month", periods=5, source="shop")


def attribution(events: Events) -> Answer[Any]:
    """Which channels the conversions of the sample are credited to."""
    return events.attribution(
        conversion="conversion",
        touch="touch",
        channel="channel",
        models=("first", "last", "linear"),
        source="channels",
    )


def shop_session_funnel(events: Events) -> Funnel:
    """From the cart to a purchase, by session: the funnel whose figures are published."""
    return events.funnel(*SHOP_CHECKOUT, unit="session", source="shop")


QUESTIONS = {
    question.name: question
    for question in (
        Question("funnel", "Funnel", "real app log, one day, by user", "air", funnel),
        Question("paths", "Paths", "real app log, first steps of each session", "air", paths),
        Question("retention", "Retention", "synthetic shop log, monthly cohorts", "shop", retention),
        Question("attribution", "Attribution", "sample of journeys, touches an hour apart", "channels", attribution),
    )
}
