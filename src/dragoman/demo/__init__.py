"""``dragoman demo``: a meeting of real SIP phones on a PBX of its own, watched, recorded, drawn and judged."""
