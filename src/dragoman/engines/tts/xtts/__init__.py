"""XTTS v2 in this process: a batched, streaming decoder for many voices at once; docs/xtts.md."""
