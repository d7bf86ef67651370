"""Loads modules faster. Not for finding them: who needs one imports it in the block."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loading"]


@contextmanager
def loading() -> Iterator[None]:
    """Import in the block what stays to the end; no search for garbage goes through it again.

    Such searches are a fifth of a start and of an end. For a process of our own alone, since all
    else that there is at the end of the block is kept as well.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
