"""How long it takes until a listener hears in his language what somebody said: real Asterisk, real phones."""
