"""What is told of a machine whose cores are taken: the kernel's own count of the thread that the ticks run in."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dragoman.observe.cores import CoreCollector


def shown(collector: CoreCollector) -> list[tuple[str, float]]:
    return [(sample.name, sample.value) for family in collector.collect() for sample in family.samples]


def test_the_time_without_a_core_is_shown_in_seconds(tmp_path: Path) -> None:
    count = tmp_path / "schedstat"
    count.write_text("5000000000 1250000000 77\n")
    assert shown(CoreCollector(count)) == [("dragoman_core_wait_seconds_total", 1.25)]


@pytest.mark.parametrize("text", [None, "", "0", "no number"])
def test_a_kernel_that_does_not_count_costs_nothing(tmp_path: Path, text: str | None) -> None:
    count = tmp_path / "schedstat"
    if text is not None:
        count.write_text(text)
    assert shown(CoreCollector(count)) == []


def test_a_scrape_in_another_thread_reads_of_the_first_one() -> None:
    found: list[list[tuple[str, float]]] = []
    reader = threading.Thread(target=lambda: found.append(shown(CoreCollector())))
    reader.start()
    reader.join()
    if not (here := shown(CoreCollector())):
        pytest.skip("this kernel does not count")
    assert found[0][0][0] == here[0][0] and 0 <= found[0][0][1] <= here[0][1]
