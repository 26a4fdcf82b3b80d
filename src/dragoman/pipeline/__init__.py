"""One chain per speaking leg: recognition, clauses, translation, synthesis, playback at the booths."""
