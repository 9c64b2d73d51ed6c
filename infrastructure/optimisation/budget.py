"""What a search may spend, with what the final measurement needs kept back from it."""

from __future__ import annotations

from infrastructure.evaluation.answers import Budget, BudgetSpent


class Allowance(Budget):
    """Calls and tokens (None: as many as it takes). Answers from the cache cost neither."""

    def __init__(self, calls: int | None, tokens: int | None) -> None:
        super().__init__(tokens)
        self.calls = 0
        self.tokens = 0
        self.is_spent = False
        self._most_calls = calls
        self._kept = (0, 0)

    def keep_back(self, calls: int, tokens: int) -> None:
        """For what comes later.

        Raises:
            BudgetSpent: there is not as much.

        """
        if self._most_calls is not None and calls >= self._most_calls:
            raise BudgetSpent(f"{calls} calls of {self._most_calls} are needed for the measurements alone")
        super().reserve(tokens)
        self._kept = (calls, tokens)

    def give_back(self) -> None:
        """What was kept back may be spent."""
        super().settle(self._kept[1], 0)
        self._kept = (0, 0)
        self.is_spent = False

    def reserve(self, tokens: int) -> None:
        try:
            self._reserve_call()
            super().reserve(tokens)
        except BudgetSpent:
            self.is_spent = True
            raise
        self.calls += 1

    def settle(self, reserved: int, used: int) -> None:
        super().settle(reserved, used)
        self.tokens += used

    def _reserve_call(self) -> None:
        if self._most_calls is not None and self.calls + self._kept[0] >= self._most_calls:
            raise BudgetSpent(f"the budget of {self._most_calls} calls is spent")
