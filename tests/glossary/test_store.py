"""The watched files: reload, the last good version, a room over its site, and what is told and counted once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.virtual_time import virtual_time

from dragoman.glossary.model import Glossary
from dragoman.glossary.parse import parse_glossary
from dragoman.glossary.store import INTERVAL, PATIENCE, GlossaryStore


class Site:
    def __init__(self, folder: Path) -> None:
        self.site = folder / "site.tsv"
        self.rooms = folder / "rooms"
        self.rooms.mkdir()
        self.reads: list[bool] = []
        self.store = GlossaryStore(self.site, self.rooms, self.reads.append)
        self._time = 1_000_000_000

    def write(self, text: str, room: str | None = None) -> None:
        """Save a file; each version has a time of its own, as a person's have."""
        path = self.site if room is None else self.rooms / f"{room}.tsv"
        path.write_text(text, encoding="utf-8")
        self._time += 1
        os.utime(path, (self._time, self._time))

    def keyterms(self, room: str = "1000") -> tuple[str, ...]:
        return self.store.room(room).keyterms("en")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_is_saved_counts_after_the_next_look(site: Site) -> None:
    terms = site.store.room("1000")
    assert site.store.refresh() is False and terms.keyterms("en") == ()
    site.write("en\tes\nbear\toso")
    assert site.store.refresh() is True
    assert terms.keyterms("en") == ("bear",) and terms.pairs("en", "es") == (("bear", "oso"),)
    site.write("en\tes\nwolf\tlobo")
    assert site.store.refresh() is True and terms.keyterms("en") == ("wolf",)
    assert site.store.refresh() is False
    assert (site.store.counts.loaded, site.store.counts.failed, site.reads) == (2, 0, [True, True])


def test_a_rooms_terms_stand_over_the_sites(site: Site) -> None:
    site.write("en\tes\tsaid\nbear\toso\tbare\nwolf\tlobo")
    site.write("en\tes\tsaid\nBear\tosito\tbeer", room="1000")
    site.store.refresh()
    assert site.store.room("1000").pairs("en", "es") == (("Bear", "osito"), ("wolf", "lobo"))
    assert site.store.room("1000").say("a bear", "en") == "a beer"
    assert site.store.room("2000").pairs("en", "es") == (("bear", "oso"), ("wolf", "lobo"))
    assert site.store.terms == 3


def test_a_change_of_the_sites_file_reaches_rooms_with_their_own(site: Site) -> None:
    site.write("en\nfox", room="1000")
    site.store.refresh()
    site.write("en\nbear")
    site.store.refresh()
    assert site.keyterms() == ("fox", "bear")


def test_a_bad_version_leaves_the_last_good_one_and_is_told_once(site: Site) -> None:
    site.write("en\nbear")
    site.store.refresh()
    site.write("nonsense")
    with capture_logs() as logs:
        for _ in range(5):
            site.store.refresh()
    assert site.keyterms() == ("bear",)
    assert [entry["log_level"] for entry in logs] == ["error"] and str(site.site) in logs[0]["problem"]
    assert (site.store.counts.failed, len(site.store.problems)) == (1, 1)
    site.write("other nonsense")
    site.store.refresh()
    assert site.store.counts.failed == 2
    site.write("en\nwolf")
    site.store.refresh()
    assert site.keyterms() == ("wolf",) and site.store.problems == ()


def test_wrong_lines_are_told_once_with_file_and_line(site: Site) -> None:
    site.write("en\nbear\n!!!\nwolf")
    with capture_logs() as logs:
        for _ in range(3):
            site.store.refresh()
    assert site.keyterms() == ("bear", "wolf")
    assert [entry["problem"] for entry in logs if entry["event"] == "glossary"] == list(site.store.problems)
    assert site.store.problems[0].startswith(f"{site.site} line 3: ")


def test_a_file_that_is_gone_for_good_is_told_once_and_its_terms_go(site: Site) -> None:
    site.write("en\nbear")
    site.store.refresh()
    site.site.unlink()
    with capture_logs() as logs:
        for _ in range(PATIENCE + 2):
            site.store.refresh()
    assert [entry["event"] for entry in logs] == ["glossary is gone"]
    assert site.keyterms() == ()


def test_a_file_an_editor_writes_anew_is_not_missed(site: Site) -> None:
    site.write("en\nbear")
    site.store.refresh()
    site.site.unlink()
    for _ in range(PATIENCE - 1):
        site.store.refresh()
        assert site.keyterms() == ("bear",)
    site.write("en\nwolf")
    site.store.refresh()
    assert site.keyterms() == ("wolf",)


def test_a_file_that_stays_away_takes_its_terms_along(site: Site) -> None:
    site.write("en\nbear")
    site.write("en\nfox", room="1000")
    site.store.refresh()
    (site.rooms / "1000.tsv").unlink()
    for _ in range(PATIENCE):
        site.store.refresh()
    assert site.keyterms() == ("bear",)


def test_only_room_files_of_the_folder_are_read(site: Site) -> None:
    for name in (".hidden.tsv", "1000.tsv~", "1000.txt", "#1000.tsv#"):
        (site.rooms / name).write_text("en\nbear")
    assert site.store.refresh() is False


def test_a_folder_that_is_gone_or_a_file_that_is_a_folder_break_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.tsv").mkdir()
    store = GlossaryStore(tmp_path / "site.tsv", tmp_path / "no-folder")
    with capture_logs() as logs:
        store.refresh()
        store.refresh()
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert store.of("1000").entries == ()


@virtual_time
async def test_the_watch_reads_within_its_interval(site: Site) -> None:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(site.store.watch())
        site.write("en\nbear")
        async with asyncio.timeout(3 * INTERVAL):
            while not site.keyterms():
                await asyncio.sleep(INTERVAL / 4)
        watching.cancel()


@virtual_time
async def test_without_files_there_is_nothing_to_watch() -> None:
    async with asyncio.timeout(1):
        await GlossaryStore(None, None).watch()


def test_a_glossary_given_from_elsewhere_stands_over_the_rooms_file_and_follows_its_reloads(site: Site) -> None:
    site.write("en\tes\nbear\toso\nwolf\tlobo", "1000")
    site.store.refresh()
    site.store.give({"1000": Glossary(parse_glossary(b"en\tes\nbear\tosezno", "given").entries)})
    terms = site.store.room("1000")
    assert dict(terms.pairs("en", "es")) == {"bear": "osezno", "wolf": "lobo"}
    assert site.store.of("1000") is site.store.of("1000"), "made once, not at every clause"
    site.write("en\tes\nfox\tzorro", "1000")
    site.store.refresh()
    assert dict(terms.pairs("en", "es")) == {"bear": "osezno", "fox": "zorro"}
    assert site.keyterms("2000") == ()
    site.store.give({})
    assert dict(terms.pairs("en", "es")) == {"fox": "zorro"}
