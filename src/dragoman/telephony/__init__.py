"""Asterisk: its REST interface, attaching to its conferences, prompts, and a PBX of our own."""
