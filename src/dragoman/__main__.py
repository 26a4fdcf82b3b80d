"""``python -m dragoman``."""

from dragoman.cli import app

app(prog_name="dragoman")
