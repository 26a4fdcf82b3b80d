"""Dragoman: a live interpreter for phone conferences."""

__version__ = "0.1.0"
