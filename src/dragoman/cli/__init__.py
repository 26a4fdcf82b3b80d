"""The command ``dragoman``: ``main`` has the daemon's and the demo's subcommands, the others a group each."""

from dragoman.cli.main import app

__all__ = ["app"]
