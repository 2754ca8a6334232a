"""What events are for: production, staging or development. A write key says which; questions count one of them."""

from __future__ import annotations

PRODUCTION = "production"
"""That of keys that name none, and of questions that name none."""
ENVIRONMENTS = (PRODUCTION, "staging", "development")
ALL = "all"
"""What a question says that is about every environment."""
