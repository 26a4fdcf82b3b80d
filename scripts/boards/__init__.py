"""The dashboards as tables: a panel is a line. ``scripts/dashboards.py`` makes Grafana's JSON of them."""

from __future__ import annotations

from boards.calls import CALLS
from boards.capacity import CAPACITY
from boards.latency import LATENCY
from boards.providers import PROVIDERS
from boards.quality import QUALITY

BOARDS = (CALLS, LATENCY, QUALITY, CAPACITY, PROVIDERS)
"""In the order in which an operator needs them."""
