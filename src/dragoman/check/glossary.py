"""Can the glossary files be read, and which of their lines do not count?"""

from __future__ import annotations

from pathlib import Path

from dragoman.check.finding import Finding, ok, warn
from dragoman.errors import ConfigError
from dragoman.glossary.store import read_glossary, room_files

WHAT = "glossary"


def check_glossary(site: Path | None, folder: Path | None) -> list[Finding]:
    """Read every glossary file; none of what may be wrong keeps the daemon from running."""
    found = []
    paths = [] if site is None else [site]
    if folder is not None:
        try:
            paths += room_files(folder)
        except OSError as error:
            found.append(warn(WHAT, f"{folder}: {error.strerror or error}", "make it, or unset glossary.folder"))
    for path in paths:
        try:
            parsed = read_glossary(path)
        except ConfigError as error:
            found.append(warn(WHAT, str(error), "docs/glossary.md says how to write one; no term of it counts"))
            continue
        found += [warn(WHAT, problem, "mend the line; all others count") for problem in parsed.problems]
        count = len(parsed.entries)
        found.append(ok(WHAT, f"{path}: {count} term{'s' if count != 1 else ''}"))
    return found
