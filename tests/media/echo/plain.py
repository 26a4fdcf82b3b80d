"""What the echo guard does at once for cost, done step by step as its docstrings say: what tests compare it with."""

from __future__ import annotations

import numpy as np

from dragoman.media.echo.filter import REHEARSALS, FilterBank
from dragoman.media.echo.history import BLOCK, Audio, HistoryBank


class PlainFilterBank(FilterBank):
    """Rehearses as its docstring says: by prediction and adaptation, block by block, to the end."""

    def rehearse(
        self, slot: int, source: int, end: int, said: Audio, history: HistoryBank, enough: float = np.inf
    ) -> float:
        left = 0.0
        for _ in range(REHEARSALS):
            self._at[slot] = -1
            left = 0.0
            for at in range(0, len(said), BLOCK):
                ends = np.array([end - len(said) + at + BLOCK])
                error = said[None, at : at + BLOCK] - self.predict(np.array([slot]), np.array([source]), ends, history)
                left += float(np.square(error).sum())
                self.adapt(np.array([slot]), error)
        return left / (float(np.square(said).sum()) + 1e-3)
