"""Whether the figures and names of a clause came through its translation; puts in those that did not."""
