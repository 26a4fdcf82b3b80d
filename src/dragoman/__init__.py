"""Dragoman: a live interpreter for phone conferences."""

import os

__version__ = "0.1.0"

# onnxruntime tells its maker (mobile.events.data.microsoft.com) what it runs on and for how long, and keeps an
# identifier of the machine in the cache folder, unless it finds this when it is imported (its Privacy.md).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
