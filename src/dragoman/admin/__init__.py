"""Running it day by day: tokens, rooms set up over REST, who is admitted, transcripts, the audit log."""
