"""A conference whose clouds fail in every way there is, in virtual time: nothing lost unmarked, twice or out of order.

The seeds of this file are few; ``python -m tests.chaos.simulated --seeds 1-200`` tries as many as one likes.
"""

from __future__ import annotations

import pytest
from tests.chaos.ledger import reasons, summary
from tests.chaos.simulated import run, story


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 13])
def test_whatever_befalls_the_providers_each_word_is_heard_once_or_marked(seed: int) -> None:
    result = run(seed, 45.0)
    figures = summary(result.pages().values(), 0)
    assert len(result.faults) >= 5
    assert not result.crashed
    assert reasons(figures) == [], "\n".join(story(result))
    assert figures["heard"] > figures["spoken"] / 4, "\n".join(story(result))
