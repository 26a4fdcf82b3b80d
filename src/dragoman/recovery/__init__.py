"""What is done when something breaks: a policy per kind of failure, one table of them all, and who is told."""
