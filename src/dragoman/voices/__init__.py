"""The speaker's own voice: voice profiles, and the encoders that tell who speaks and how."""
