"""Audio: RTP in and out, the 20 ms tick, mixing, and voice activity."""
