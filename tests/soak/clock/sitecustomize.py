"""
Shifts the wall clock of a Python process by the seconds that a file says, looked at twice a second.

Monotonic clocks go on as they were, as they do when an operator or NTP sets a machine's clock.
"""

import os
import time

_path = os.environ.get("TRACKWAY_SOAK_CLOCK", "")

if _path:
    _real_ns, _monotonic = time.time_ns, time.monotonic
    _state = [0, 0.0]  # offset in ns, when to look again

    def _offset_ns() -> int:
        now = _monotonic()
        if now >= _state[1]:
            _state[1] = now + 0.5
            try:
                with open(_path) as file:
                    _state[0] = int(float(file.read() or 0) * 1e9)
            except (OSError, ValueError):
                pass  # being written
        return int(_state[0])

    def _time_ns() -> int:
        return _real_ns() + _offset_ns()

    def _time() -> float:
        return _time_ns() / 1e9

    time.time_ns, time.time = _time_ns, _time
