"""One chain per speaking leg: recognition, segmentation into clauses, translation, synthesis, playback at the booths."""
