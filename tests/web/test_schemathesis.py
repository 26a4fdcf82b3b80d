"""The whole interface driven from its own description: whatever it is sent, it answers as it says it does.

Examples are few, so that the run stays short; SCHEMATHESIS_EXAMPLES in the environment sets more.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.enrolment.fakes import FakeVoices
from tests.web.administered import Pbx, administered
from tests.web.serving import serving

from dragoman.enrolment.desk import EnrolmentDesk
from dragoman.web import server

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "8"))

api = next(module for module in server.ROUTES if module.__name__.endswith("routes")).api
# Streams without an end: only their beginning can be read. What is in them test_captions.py and test_events.py read.
ENDLESS = ["/api/rooms/{room}/captions", "/api/events"]
described = schemathesis.openapi.from_dict(api.document())
schema, streams = described.exclude(path=ENDLESS), described.include(path=ENDLESS)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The real server, on a loop in a thread of its own, because schemathesis waits for answers."""
    loop, up, found = asyncio.new_event_loop(), threading.Event(), []
    stop = asyncio.Event()

    async def serve(folder: Path) -> None:
        desk = EnrolmentDesk(FakeVoices(), folder / "in")
        async with asyncio.TaskGroup() as group:
            running = group.create_task(desk.run())
            pbx = Pbx()
            pbx.seat("17.4", "es")
            async with administered(folder, pbx) as admin, serving(desk=desk, admin=admin) as s:
                for part in s.health.parts:
                    s.health.ok(part.name)
                found.append("http://{}:{}".format(*s.server.address))
                up.set()
                await stop.wait()
            running.cancel()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(Path(folder))))
        thread.start()
        assert up.wait(60)
        try:
            yield found[0]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_does_as_it_says(case: schemathesis.Case, address: str) -> None:
    # A valid request may be refused for what no schema tells: a language that the site lacks, a file that is no sound.
    case.call_and_validate(base_url=address, timeout=60, excluded_checks=[positive_data_acceptance])


BEGINNING = b": keepalive\n\n"
"""What every stream begins with, before any event."""


@streams.parametrize()
@settings(
    max_examples=4 * EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_a_stream_begins_or_is_refused_as_it_says(case: schemathesis.Case, address: str) -> None:
    asked = case.as_transport_kwargs(base_url=address)
    with requests.request(**asked, stream=True, timeout=60) as answer:
        if answer.status_code == 200:
            assert answer.headers["Content-Type"] == "text/event-stream"
            assert answer.raw.read(len(BEGINNING)) == BEGINNING
            return  # and goes
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])
