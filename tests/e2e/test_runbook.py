"""What the documents have an operator ask Asterisk is known to a real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dragoman.telephony.pbx import Pbx

DOCS = Path(__file__).parents[2] / "docs"

ENDS = {"core stop gracefully", "channel request hangup CHANNEL"}
"""What cannot be tried on a PBX that others use; their help is read."""

BARE = re.compile(r"`((?:core|confbridge|pjsip|ari|http) (?:show|list|set)[^`\n]*)`")


def commands() -> set[str]:
    """In ``asterisk -rx``, and those that stand alone."""
    texts = [(DOCS / name).read_text("utf-8") for name in ("runbook.md", "deploy.md")]
    quoted = {found[2] for text in texts for found in re.finditer(r"asterisk -rx (['\"])(.+?)\1", text)}
    return quoted | {found[1] for text in texts for found in BARE.finditer(text)}


@pytest.mark.beside
async def test_asterisk_knows_what_an_operator_is_to_ask_it(pbx: Pbx) -> None:
    found = commands()
    assert len(found) > 6 and found >= ENDS
    for command in sorted(found - ENDS):
        assert "No such command" not in await pbx.rx(command), command
    for command in ENDS:
        plain = re.sub(r" [A-Z]+$", "", command)
        assert f"Usage: {plain}" in await pbx.rx(f"core show help {plain}"), command


@pytest.mark.beside
async def test_the_asterisk_that_is_to_end_takes_no_new_calls_meanwhile(pbx: Pbx) -> None:
    """There is another word, which ends it as the last call does but takes new ones until then."""
    (command,) = [command for command in commands() if command.startswith("core stop")]
    assert "not accept new calls" in " ".join((await pbx.rx(f"core show help {command}")).split())
