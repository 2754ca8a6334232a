"""
What an event passes before it is encoded, checked and queued, where a program has asked for it: consent, the sample,
and what every event carries. `before_send` comes after these, see there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackway._books import Dropped
from trackway._events.arguments import Refused
from trackway._events.consent import Consent
from trackway._events.payloads import properties_over
from trackway._events.sampling import Sampling, is_in_sample

if TYPE_CHECKING:
    from trackway._events.scope import Scope
    from trackway._options import Options


class Gates:
    """Decides whether an event may go on, and adds what it takes along. Reading needs no lock, changing does."""

    def __init__(self, options: Options) -> None:
        self.consent = Consent(options.consent_default, options.consent_categories)
        self.super_properties: Mapping[str, object] = dict(options.super_properties)
        """Replaced, never changed."""
        self._sampling = Sampling(options.sample) if options.sample is not None else None
        self._always = (
            options.sample is not None or options.consent_default == "deny" or bool(options.consent_categories)
        )

    @property
    def needed(self) -> bool:
        """Whether events outside of any scope have to pass."""
        return self._always or bool(self.super_properties) or bool(self.consent.said)

    def admit(
        self,
        event: str,
        user_id: object,
        anonymous_id: object,
        context: Mapping[str, object] | None,
        scope: Scope | None,
    ) -> Mapping[str, object] | None:
        """
        Return the event's context with what was decided here; `event` is the name, or `$page`, `$identify` ….

        Raises:
            Refused: the event may not be sent (no_consent) or is not wanted (sampled_out).
        """
        stamps: dict[str, object] = {}
        preferences = self.consent.preferences(_decisions(scope, user_id, anonymous_id))
        if not self.consent.allows(event, preferences):
            raise Refused(Dropped.NO_CONSENT)
        if preferences:
            stamps["consent"] = {"categoryPreferences": preferences}
        if self._sampling is not None:
            rate = self._sampling.rate(event)
            if rate < 1:
                if not is_in_sample(user_id, anonymous_id, rate):
                    raise Refused(Dropped.SAMPLED_OUT)
                stamps["sampling"] = {"rate": rate}
        if not stamps:
            return context
        if context is None:
            return stamps
        # What is no mapping is refused where it is written.
        return {**stamps, **context} if isinstance(context, Mapping) else context

    def fill(self, properties: Mapping[str, object] | None) -> Mapping[str, object] | None:
        """Return an event's properties over those that every event carries."""
        carried = self.super_properties
        return properties_over(carried, properties) if carried else properties


def _decisions(scope: Scope | None, user_id: object, anonymous_id: object) -> Mapping[str, bool | None]:
    """
    Return a scope's decisions about consent. Its yes is that of its own person, and says nothing (None) of another; its
    no holds for all that is tracked inside.
    """
    if scope is None or not scope.consent:
        return {}
    if scope.is_about(user_id, anonymous_id):
        return scope.consent
    return {category: None if word is None or word is True else False for category, word in scope.consent.items()}
