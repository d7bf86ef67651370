"""What the supervisor and its children agree on.

A child is `python -m tashika_server process ROLE CONFIG ...`. On stdin it gets the text of the
configuration that was accepted, up to a NUL, and then nothing more: end of file there means that
the supervisor is gone, however it ended, and that the child must go too. On stdout it says READY
once it is at work, and BEAT every BEAT_EVERY from its event loop, and from nowhere else: what
it says is that the loop turns. Its log is stderr. END asks it to finish what it has begun and
end, RELIEVED the same of a worker that has a successor and so may take its time.
"""

import signal
from datetime import timedelta

__all__ = ["BEAT", "BEAT_EVERY", "END", "READY", "RELIEVED"]

READY, BEAT = b"!", b"."
BEAT_EVERY = timedelta(milliseconds=500)
END, RELIEVED = signal.SIGTERM, signal.SIGUSR1
