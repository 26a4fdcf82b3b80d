"""Recoveries and ladders as Prometheus reads them."""

from __future__ import annotations

from dragoman.observe.metrics import Metrics
from dragoman.recovery.events import HealthBus
from dragoman.recovery.kinds import Action, Kind, Status
from dragoman.recovery.ladder import Change, Rung


def test_recoveries_by_kind_and_action_changes_and_rungs() -> None:
    metrics, bus = Metrics(), HealthBus(lambda: 0.0)
    rungs = dict.fromkeys(Rung, 0)
    refresh = metrics.recovery.watch(lambda: bus.counts, lambda: rungs)
    for _ in range(2):
        bus.tell(Kind.MT_FAILED, Action.RETRY, Status.RECOVERING, "mt:deepl")
    rungs[Rung.CAPTIONS] = 3
    metrics.recovery.changed(Change(Rung.STOCK, Rung.CAPTIONS, ""))
    value = metrics.registry.get_sample_value
    assert value("dragoman_recoveries_total", {"kind": "mt-failed", "action": "retry"}) is None, "before a scrape asks"
    refresh()
    assert value("dragoman_recoveries_total", {"kind": "mt-failed", "action": "retry"}) == 2
    assert value("dragoman_ladder_speakers", {"rung": "captions"}) == 3
    assert value("dragoman_ladder_changes_total", {"from": "stock", "to": "captions"}) == 1
