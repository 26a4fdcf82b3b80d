"""What the documents say of engines is what there is: names, licences, options, and the links between the documents."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from dragoman import config
from dragoman.engines import registry
from dragoman.engines.options import Options

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "asterisk/README.md", "asterisk/examples/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def ours() -> dict[str, registry.Listed]:
    return {each.name: each for each in registry.available() if each.package.startswith("dragoman ")}


@pytest.fixture(scope="module")
def options() -> Mapping[str, set[str]]:
    """The options of every engine of ours, as it reads them."""
    known: dict[str, set[str]] = {}
    take = Options._take

    def noting(self: Options, key: str, default: object) -> object:
        known.setdefault(self._engine, set()).add(key)
        return take(self, key, default)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Options, "_take", noting)
        for name in ours():
            registry.build_one(name, {})
            known.setdefault(name, set())
    return known


def test_every_engine_can_be_listed() -> None:
    assert {name: each.problem for name, each in ours().items() if each.problem} == {}


def test_every_option_of_every_engine_is_documented_and_no_other(options: Mapping[str, set[str]]) -> None:
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8").partition("## Every option")[2]
    sections = re.findall(r"^### `([\w-]+)`\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in sections} == set(options)
    for name, section in sections:
        # Of a table the first column; else every word in code that looks like an option's name.
        rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        named = set(re.findall(r"`([a-z_]+)`", " ".join(rows) if rows else section)) - set(options)
        assert named == options[name], name


def test_the_readme_lists_every_engine_with_its_licence_for_business() -> None:
    table = README.partition("| stage | engine | what for")[2].partition("\n\n")[0]
    said: dict[str, tuple[str, str]] = {}
    for line in table.splitlines()[2:]:
        _, engines, _, licences, uses = (cell.strip() for cell in line.strip("|").split("|"))
        names = re.findall(r"`([\w-]+)`", engines)
        # "MIT; BSD-3-Clause": one each; else the same for all of the row.
        each = [(texts * len(names))[: len(names)] for texts in (licences.split("; "), uses.split("; "))]
        said |= dict(zip(names, zip(*each, strict=True), strict=True))
    assert set(said) == set(ours())
    for name, (licence, use) in said.items():
        info = ours()[name].info
        assert info is not None
        assert use.startswith("yes") == info.commercial_use, name
        if not info.licence.startswith("LicenseRef-"):
            assert info.licence.removesuffix("-or-later") == licence, name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_index_names_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"({path.name})" not in index] == ["README.md"]


def test_the_image_has_extras_that_there_are() -> None:
    wanted = {
        name: re.search(pattern, (ROOT / name).read_text(encoding="utf-8"))
        for name, pattern in {
            "Dockerfile": r"\nARG EXTRAS=(\S+)\n",
            "docker-compose.yml": r"EXTRAS: \$\{DRAGOMAN_EXTRAS-(\S+)\}",  # the first: without a GPU
        }.items()
    }
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    chosen = {found[1] for found in wanted.values() if found}
    assert all(wanted.values()) and len(chosen) == 1
    assert set(chosen.pop().split(",")) <= set(extras)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_that_are_shown_are_settings(document: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks or document.name not in ("production.md", "glossary.md")
    for block in blocks:
        data = tomllib.loads(block)
        for table in ("admin", "voices"):
            data.get(table, {}).pop("key_file", None)  # it is read at once
        config.validate(data, {})
