"""The ``dragoman`` command."""

from __future__ import annotations

import typer

app = typer.Typer(help="A live interpreter for phone conferences.", no_args_is_help=True)
