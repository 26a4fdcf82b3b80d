"""``dragoman check``: what of this machine and PBX is ready, and what to do about the rest."""
