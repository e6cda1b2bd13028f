"""Rate limiting: each caller has a bucket of cost units that refills over time (setting RATE_LIMIT)."""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

from api.errors import RateLimitedError

_BURST_SECONDS = 10
_REMEMBERED = 10_000


class Budget:
    """Gives each caller `rate` cost units per second, and bursts of ten seconds' worth; `clock` is in seconds."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = rate * _BURST_SECONDS
        self._clock = clock
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def spend(self, caller: Hashable, cost: int, *, paid: int = 0) -> None:
        """Takes the cost, less what is already paid, from the caller's bucket.

        Takes nothing and raises RateLimitedError if the bucket does not hold that much.
        """
        now = self._clock()
        full_at = max(self._full_at.get(caller, now), now) + max(cost - paid, 0) / self._rate
        if (wait := full_at - now - _BURST_SECONDS) > 0:
            raise RateLimitedError(math.ceil(min(wait, _BURST_SECONDS)), most=self._most, cost=cost)
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        # Evicts the least recent callers, whose buckets are mostly full again anyway.
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
