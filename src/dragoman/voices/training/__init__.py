"""Training of the small voice encoders; of the daemon nothing imports this.

``speech`` makes voices that belong to nobody, ``corpus`` prepares any folder of speech, ``prosody`` labels it by signal
processing alone, ``gst`` and ``ecapa`` are the networks (torch), ``train`` fits them, ``evaluate`` measures them on
voices they never heard, ``export`` writes ONNX, ``card`` says what was measured.
"""
