"""Whether there is room: bytes in hand, the disk, quotas; and the upkeep of the spools."""
