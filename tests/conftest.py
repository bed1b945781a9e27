"""What holds for all tests, however they are started."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes is a matter of what else the machine does.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# What a shell runs in the background ignores Ctrl-C, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
