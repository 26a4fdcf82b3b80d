"""The settings' table ``[glossary]``."""

from __future__ import annotations

from pathlib import Path

from dragoman.config.types import Section


class GlossarySettings(Section):
    """The words a site or a room cares about (docs/glossary.md); read again when somebody saves them."""

    site: Path | None = None
    """The file that holds in every room."""
    folder: Path | None = None
    """A folder of ``ROOM.tsv`` (``1000.tsv``), whose terms stand over the site's."""
