"""What engines with a package or a model of their own need: says exactly what is missing, before any call."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dragoman.errors import EngineUnavailable

UNSET = Path()
"""Default of an engine's option ``model``: a daemon has no working directory that would make a good one."""


def require_packages(engine: str, extra: str, packages: Iterable[str]) -> None:
    """Check that Python finds these top-level packages; none is imported.

    Raises:
        EngineUnavailable: names what is missing and the extra of ours that brings it.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise EngineUnavailable(
            engine, f'the Python package {" and ".join(missing)} is missing: pip install "dragoman[{extra}]"'
        )


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """Where an engine's model comes from, told to the person who has to fetch it."""

    engine: str
    repository: str
    """Name of the repository that holds it, at the hub where its makers publish it."""
    files: tuple[str, ...]
    """What must lie in the folder; ``a|b``: one of them."""
    commands: tuple[str, ...]
    """How to get them, line by line; ``{folder}`` is where."""

    def require(self, folder: Path) -> None:
        """Check that the folder has all files, none of them empty.

        Raises:
            EngineUnavailable: the option is not set, the folder or a file is missing; says how to get it.
        """
        option = f"engines.options.{self.engine}.model"
        if folder == UNSET:
            raise EngineUnavailable(
                self.engine, f"no model is set: {self._how(f'/srv/models/{self._name}')}; then set {option} to it"
            )
        if not folder.is_dir():
            raise EngineUnavailable(self.engine, f"{option}: there is no folder {folder}: {self._how(str(folder))}")
        missing = [each.replace("|", " or ") for each in self.files if not _has_one(folder, each.split("|"))]
        if missing:
            raise EngineUnavailable(
                self.engine,
                f"{option}: {folder} lacks {', '.join(missing)} (absent or empty): {self._how(str(folder))}",
            )

    def broken(self, folder: Path, error: object) -> EngineUnavailable:
        """The error for a model that has all files but does not load."""
        return EngineUnavailable(
            self.engine,
            f"engines.options.{self.engine}.model: the model in {folder} cannot be loaded ({error}); if its files are "
            f"cut off or of another model, fetch it again: {self._how(str(folder))}",
        )

    def _how(self, folder: str) -> str:
        commands = " && ".join(self.commands).format(folder=folder)
        return f"fetch {self.repository} into a folder by: {commands}"

    @property
    def _name(self) -> str:
        return self.repository.partition("/")[2]


def _has_one(folder: Path, names: Iterable[str]) -> bool:
    return any((folder / name).is_file() and (folder / name).stat().st_size for name in names)
