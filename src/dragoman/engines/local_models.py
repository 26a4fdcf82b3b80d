"""What engines with a package or a model of their own need: says exactly what is missing, before any call."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
        what = f"package {missing[0]} is" if len(missing) == 1 else f"packages {', '.join(missing)} are"
        raise EngineUnavailable(engine, f'the Python {what} missing: pip install "dragoman[{extra}]"')


@contextmanager
def importing(engine: str, extra: str) -> Iterator[None]:
    """Around imports: packages that are there but do not load (half an installation, a library of the system).

    Raises:
        EngineUnavailable: says what was missing, and the extra of ours that brings the whole.
    """
    try:
        yield
    except (ImportError, OSError) as error:  # a shared library that is missing is either, by who looks for it
        raise unimportable(engine, extra, error) from error


def unimportable(engine: str, extra: str, error: object) -> EngineUnavailable:
    """The error for packages that are there but do not load."""
    what = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else error
    return EngineUnavailable(
        engine,
        f"its Python packages are there but do not load ({what}): "
        f'pip install --force-reinstall "dragoman[{extra}]", or what the system lacks by that message',
    )


CONVERTER = (
    "python3 -m venv convert",
    'convert/bin/pip install ctranslate2 sentencepiece protobuf "transformers[torch]"',
)
"""What makes a model for CTranslate2 of one for PyTorch. It brings a torch of its own, so it stands apart from the
daemon's packages; any machine will do."""


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
    precision: str = "compute_type"
    """The option that says how exactly the model computes, which not every device can."""

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
        folder = folder.absolute()  # of a relative one nobody would know from where it is meant
        if folder.is_file():
            raise EngineUnavailable(self.engine, f"{option}: {folder} is a file: set it to the folder that holds it")
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
            f"engines.options.{self.engine}.model: the model in {folder} cannot be loaded ({error}); if it is the "
            f"device that is missing or cannot do this, set device or {self.precision}; if files are cut off or of "
            f"another model, fetch it again: {self._how(str(folder.absolute()))}",
        )

    def _how(self, folder: str) -> str:
        commands = " && ".join(self.commands).format(folder=folder)
        return f"fetch {self.repository} into a folder by: {commands}"

    @property
    def _name(self) -> str:
        return self.repository.partition("/")[2]


def _has_one(folder: Path, names: Iterable[str]) -> bool:
    return any((folder / name).is_file() and (folder / name).stat().st_size for name in names)
