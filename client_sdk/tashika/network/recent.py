"""A bounded dictionary that forgets what was unused longest."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """So many values under names of bytes; for any number of threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[bytes, _T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: bytes) -> _T | None:
        """Return a value and count that as a use."""
        with self._lock:
            value = self._values.get(name)
            if value is not None:
                self._values.move_to_end(name)
            return value

    def put(self, name: bytes, value: _T) -> None:
        """Remember a value in place of whatever was there."""
        with self._lock:
            self._values[name] = value
            self._values.move_to_end(name)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def drop(self, name: bytes) -> None:
        """Forget a value."""
        with self._lock:
            self._values.pop(name, None)

    def __len__(self) -> int:
        return len(self._values)
