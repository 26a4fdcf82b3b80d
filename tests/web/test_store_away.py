"""A PostgreSQL that stands still or is killed: live calls can be acted on all the same, what touches voices can not.

What was done meanwhile is in the audit log when the database is back, once and in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.enrolment.fakes import FakeVoices
from tests.postgres import PASSWORD, Postgres
from tests.postgres import running as running_postgres
from tests.web.administered import Pbx, administered
from tests.web.serving import Serving, serving
from tests.web.test_legs import show

from dragoman.admin import journal
from dragoman.enrolment.desk import EnrolmentDesk

PROFILE = "v_" + "0" * 22
AT_NIGHT = (
    ("PATCH", "/api/rooms/1000/legs/17.4", {"muted": True}, 200),
    ("PATCH", "/api/rooms/1000/legs/17.4", {"language": "en"}, 200),
    ("DELETE", "/api/rooms/1000/legs/17.4", None, 204),
    ("DELETE", "/api/rooms/1000/legs", None, 200),
    ("POST", "/api/drain", None, 202),
    ("DELETE", "/api/drain", None, 200),
)
"""What is done to live calls."""

DONE = ["change a leg", "change a leg", "hang up a leg", "hang up a room", "drain", "resume"]

BY_DAY = (
    ("GET", f"/api/voice-profiles/{PROFILE}/export", None),
    ("DELETE", f"/api/voice-profiles/{PROFILE}", None),
    ("DELETE", "/api/caller-ids/+34600111222", None),
    ("POST", "/api/enrolment-codes", {"name": "Ann", "language": "es"}),
    ("POST", "/api/rooms", {"room": "1000", "pin": "90210"}),
    ("GET", "/api/rooms/1000/transcript?lang=es", None),
    ("GET", "/api/audit", None),
)
"""What is stored, or uses voices."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@contextmanager
def killed(server: Postgres) -> Iterator[None]:
    """Gone without a farewell."""
    server.stop()
    try:
        yield
    finally:
        server.restart()


async def ask(s: Serving, method: str, path: str, body: Any, expected: int) -> Any:
    async with s.session.request(method, path, json=body) as response:
        assert response.status == expected, (path, await response.text())
        return await response.json() if response.content_type.endswith("json") else None


@pytest.mark.parametrize("way", [Postgres.frozen, killed])
async def test_live_calls_are_acted_on_while_the_database_is_away_and_it_is_written_down_when_it_is_back(
    tmp_path: Path,
    postgres: Postgres,
    way: Callable[[Postgres], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dragoman.sql.TIMEOUT_S", 1.0)  # as long as one that stands still is waited for
    monkeypatch.setattr(journal, "RETRY_S", 0.2)
    pbx = Pbx()
    pbx.seat("17.4", "es")
    desk = EnrolmentDesk(FakeVoices(), tmp_path / "in")
    url = await asyncio.to_thread(postgres.database)
    async with administered(url, pbx) as admin, serving(admin=admin, desk=desk) as s:
        show(s, pbx)
        s.metrics.watch_store(admin)
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, way(postgres))
            for method, path, body, expected in AT_NIGHT:
                await ask(s, method, path, body, expected)
            assert pbx.hung_up == ["17.4", "17.4"] and not admin.draining
            for method, path, body in BY_DAY:
                problem = await ask(s, method, path, body, 503)
                assert PASSWORD not in str(problem)
            s.metrics.refresh()
            assert s.metrics.registry.get_sample_value("dragoman_queue_depth", {"queue": "audit"}) == len(DONE)
            await asyncio.to_thread(stack.close)
        async with asyncio.timeout(30):
            while len(admin.journal):
                await asyncio.sleep(0.05)
        assert [entry.action for entry in await admin.open_store().audit(0, 100)] == DONE, (
            "and nothing that was refused"
        )
        assert s.metrics.registry.get_sample_value("dragoman_queue_drops_total", {"queue": "audit"}) == 0
