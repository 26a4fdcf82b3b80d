"""``python -m dragoman.recovery`` prints docs/recovery.md."""

from __future__ import annotations

import sys

from dragoman.recovery.document import document
from dragoman.recovery.table import TABLE

sys.stdout.write(document(TABLE))
