"""What the doctor says of glossary files: each problem with its file and line; none keeps the daemon from running."""

from __future__ import annotations

from pathlib import Path

from dragoman.check.finding import Verdict
from dragoman.check.glossary import check_glossary


def test_nothing_set_nothing_said() -> None:
    assert check_glossary(None, None) == []


def test_good_files_and_wrong_lines(tmp_path: Path) -> None:
    site, folder = tmp_path / "site.tsv", tmp_path / "rooms"
    folder.mkdir()
    site.write_text("en\tes\nbear\toso\n!!!\twhat")
    (folder / "1000.tsv").write_text("en\tes\nfox\tzorro")
    found = check_glossary(site, folder)
    assert [finding.verdict for finding in found] == [Verdict.WARN, Verdict.OK, Verdict.OK]
    assert f"{site} line 3" in found[0].found and found[0].remedy
    assert [finding.found for finding in found[1:]] == [f"{site}: 1 term", f"{folder / '1000.tsv'}: 1 term"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    found = check_glossary(tmp_path / "site.tsv", tmp_path / "rooms")
    assert [finding.verdict for finding in found] == [Verdict.WARN, Verdict.WARN]
    assert {str(tmp_path / name) for name in ("site.tsv", "rooms")} == {f.found.partition(":")[0] for f in found}
    assert all("No such file" in finding.found for finding in found)


def test_a_file_nothing_of_which_counts(tmp_path: Path) -> None:
    site = tmp_path / "site.tsv"
    site.write_text("nonsense")
    (finding,) = check_glossary(site, None)
    assert finding.verdict is Verdict.WARN and "no column for a term" in finding.found
