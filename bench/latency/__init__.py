"""How long it takes until a listener hears in his language what somebody said: real Asterisk, real phones."""

import os

# Before numpy is imported, here and in all that is started from here: OpenBLAS shares even small products between
# threads that wait for each other spinning. On two busy cores the decoder of tone words took 24 times as much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
