"""Engines of this stage, one file per provider."""
