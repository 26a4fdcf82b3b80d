"""Pinned: which builds of Asterisk are taken for those that go deaf behind a jitter buffer."""

import pytest

from dragoman.telephony.pbx.flaws import forgets_callers


@pytest.mark.parametrize(
    "version",
    [
        "Asterisk 22.10.1+dfsg+~cs6.17.60671434-1",
        "22.10.1+dfsg+~cs6.17.60671434-1",
        "Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5",
    ],
)
def test_debians_builds(version: str) -> None:
    assert forgets_callers(version)


@pytest.mark.parametrize("version", ["Asterisk 22.10.1", "22.4.0", "certified/20.7-cert3", "GIT-22-abc1234", ""])
def test_others(version: str) -> None:
    assert not forgets_callers(version)
