"""Whatever is no POST with events: health, metrics, plan, settings for browsers, the pixel, unknown paths."""
