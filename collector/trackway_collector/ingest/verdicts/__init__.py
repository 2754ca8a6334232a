"""From bytes to a verdict on each event, and what of it may be kept."""
