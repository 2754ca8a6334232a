"""What brought a person: GA4's channel groups, AI assistants, and rules of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackway_collector.enrich import Traffic, channel_of, default_rules, load_rules
from trackway_collector.enrich.channels import UNASSIGNED, known_channels
from trackway_collector.errors import ConfigError

# source, medium, campaign → the group that GA4's page on default channel groups gives it.
GA4 = [
    ("(direct)", "(none)", "", "Direct"),
    ("(direct)", "(not set)", "", "Direct"),
    ("google", "cpc", "cross-network", "Cross-network"),
    ("google", "cpc", "spring cross-network pmax", "Cross-network"),
    ("ebay", "cpc", "", "Paid Shopping"),
    ("newsletter.example", "ppc", "garden-shop-may", "Paid Shopping"),
    ("newsletter.example", "retargeting", "shopping", "Paid Shopping"),
    ("google", "cpc", "spring", "Paid Search"),
    ("bing", "paidsearch", "", "Paid Search"),
    ("duckduckgo.com", "retargeting", "", "Paid Search"),
    ("facebook", "cpc", "", "Paid Social"),
    ("instagram.com", "paid_social", "", "Paid Social"),
    ("youtube", "cpv_cpc", "", "Paid Video"),
    ("vimeo.com", "paid", "", "Paid Video"),
    ("anyone", "display", "", "Display"),
    ("anyone", "banner", "", "Display"),
    ("anyone", "expandable", "", "Display"),
    ("anyone", "interstitial", "", "Display"),
    ("anyone", "cpm", "", "Display"),
    ("anyone", "cpc", "", "Paid Other"),
    ("anyone", "retargeting", "", "Paid Other"),
    ("amazon.co.uk", "referral", "", "Organic Shopping"),
    ("anyone", "referral", "shopping", "Organic Shopping"),
    ("reddit.com", "referral", "", "Organic Social"),
    ("anyone", "social", "", "Organic Social"),
    ("anyone", "social-network", "", "Organic Social"),
    ("anyone", "social-media", "", "Organic Social"),
    ("anyone", "sm", "", "Organic Social"),
    ("anyone", "social network", "", "Organic Social"),
    ("anyone", "social media", "", "Organic Social"),
    ("youtube.com", "referral", "", "Organic Video"),
    ("anyone", "online-video", "", "Organic Video"),
    ("google", "organic", "", "Organic Search"),
    ("anyone", "organic", "", "Organic Search"),
    ("google.de", "(not set)", "", "Organic Search"),
    ("garden.example", "referral", "", "Referral"),
    ("garden.example", "app", "", "Referral"),
    ("garden.example", "link", "", "Referral"),
    ("email", "(not set)", "", "Email"),
    ("anyone", "e-mail", "", "Email"),
    ("anyone", "e_mail", "", "Email"),
    ("anyone", "E Mail", "", "Email"),
    ("anyone", "affiliate", "", "Affiliates"),
    ("anyone", "audio", "", "Audio"),
    ("sms", "(not set)", "", "SMS"),
    ("anyone", "sms", "", "SMS"),
    ("anyone", "web-push", "", "Mobile Push Notifications"),
    ("anyone", "mobile-app", "", "Mobile Push Notifications"),
    ("anyone", "notification", "", "Mobile Push Notifications"),
    ("firebase", "(not set)", "", "Mobile Push Notifications"),
    ("anyone", "carrier pigeon", "", UNASSIGNED),
]


@pytest.mark.parametrize(("source", "medium", "campaign", "channel"), GA4)
def test_each_default_group_is_ga4s(source: str, medium: str, campaign: str, channel: str) -> None:
    """Source, medium and campaign make the channel that GA4's documentation says, whatever their case."""
    assert channel_of(Traffic(source, medium, campaign)) == channel
    assert channel_of(Traffic(source.upper(), medium.upper(), campaign.upper())) == channel


def test_every_default_group_has_a_row() -> None:
    """The 18 groups of GA4 and the AI assistants are all there, and the table above covers each of GA4's."""
    channels = known_channels()

    assert len(channels) == 18 + 2
    assert set(channels) == {row[3] for row in GA4} | {"AI Assistants"}


@pytest.mark.parametrize(
    "source", ["chatgpt.com", "chat.openai.com", "www.perplexity.ai", "gemini.google.com", "claude.ai", "chatgpt"]
)
def test_assistants_have_a_channel_of_their_own(source: str) -> None:
    """A visit from an AI assistant is that, by referrer or by the utm_source it adds; a paid one is paid."""
    assert channel_of(Traffic(source, "referral")) == "AI Assistants"
    assert channel_of(Traffic(source, "(not set)")) == "AI Assistants"
    assert channel_of(Traffic(source, "cpc")) == "Paid Other"


def test_own_rules_come_first(tmp_path: Path) -> None:
    """A file's rules are tried before the defaults, which go on to count for everything else."""
    path = tmp_path / "channels.yaml"
    path.write_text(
        "internal: [pay.example.net]\n"
        "channels:\n"
        "  - channel: Partners\n"
        "    when:\n"
        "      - {source: /^partner-/, medium: [referral, link]}\n"
        "      - {referrer: partner.example}\n"
        "  - channel: Ads\n"
        "    when: [{click_id: [gclid, msclkid]}]\n"
    )

    rules = load_rules(path)

    assert rules.channel(Traffic("partner-seeds", "link")) == "Partners"
    assert rules.channel(Traffic("x", "referral", referrer="blog.partner.example")) == "Partners"
    assert rules.channel(Traffic("google", "cpc", click_id="gclid")) == "Ads"
    assert rules.channel(Traffic("google", "organic")) == "Organic Search"
    assert rules.is_internal("eu.pay.example.net")
    assert not default_rules().is_internal("pay.example.net")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: [{channel: A}]", "rule 1: is no rule"),
        ("channels: [{channel: A, when: [{colour: red}]}]", "`{'colour': 'red'}` is no condition"),
        ("channels: [{channel: A, when: [{medium: 7}]}]", "`medium` is neither a text nor a list"),
        ("channels: [{channel: A, when: [{medium: '/(/'}]}]", "`medium` is not a regular expression"),
        ("channels: [{channel: A, when: [{source_kind: radio}]}]", "no list of `radio` sites"),
        ("channels: 7", "`channels` is not a list"),
        ("internal: pay.example", "`internal` is not a list"),
        ("rules: []", "is not a file of channel rules"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_mistake_in_own_rules_is_named(tmp_path: Path, text: str, message: str) -> None:
    """What cannot be a rule is refused at the start, with the file, the rule and what is known."""
    path = tmp_path / "channels.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_rules(path)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)
