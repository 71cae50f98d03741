"""Settings outside the limits of a program are refused before the work, in one sentence.

@dataclass
class Settings:
    T: tuple[float, ...] = (0.5, 1.0)
    share: float = 0.1

    def __post_init__(self) -> None:
        check_limits(self, T=0.01, share=(0, 1))    # each T: 0.01 or more; share: from 0 to 1
"""

from __future__ import annotations

import math

from helpers.program import DataError


def check_limits(settings: object, **limits: float | tuple[float, float]) -> None:
    """Raise DataError for a setting outside its limits, or nan. Of several values each is checked."""
    for name, limit in limits.items():
        least, most = limit if isinstance(limit, tuple) else (limit, math.inf)
        value = getattr(settings, name)
        values = value if isinstance(value, tuple) else (value,)
        option = "--" + name.replace("_", "-")
        allowed = f"{least:,} or more" if most == math.inf else f"from {least:,} to {most:,}"
        if not values:
            raise DataError(f"{option} needs at least one number, {allowed}")
        for each in values:
            if not (least <= each <= most and each < math.inf):
                raise DataError(f"{option} is {each}; it can be {allowed}")
