"""Enrolment: how a person's voice comes in, over REST, by phone and in the call (docs/enrolment.md)."""
