"""Finds out what only Python's search for garbage would take away."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search() -> Iterator[None]:
    """Have no search for garbage in the block: what refers to itself stays."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive(*kinds: type) -> Counter[str]:
    """Count what there is of some kinds."""
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))
