"""Recognisers, translators and synthesizers behind three small protocols (base.py), found by name (registry.py)."""
