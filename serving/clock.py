"""The service's clock."""

import time


class Clock:
    """Microseconds since 1970 UTC. In a sandbox time goes on from the week's moment, so that simulated
    customers are not silent for as long as their world has ended."""

    def __init__(self, *, sandbox: bool = False) -> None:
        self.is_sandbox = sandbox
        self._ahead = 0

    def now(self) -> int:
        return time.time_ns() // 1000 + self._ahead

    def begin(self, moment: int) -> None:
        """It is `moment` now, if it never was."""
        if not self._ahead:
            self._ahead = moment - time.time_ns() // 1000
