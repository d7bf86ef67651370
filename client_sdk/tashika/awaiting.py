"""Coroutines that cannot be taken for their outcome: what is not awaited has no truth.

`if client.check(...)` without `await` would be true for every certificate, as any object is.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tashika.errors import WrongUse

_P = ParamSpec("_P")
_T = TypeVar("_T")


def must_be_awaited(
    work: Callable[_P, Coroutine[Any, Any, _T]],
) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """Make the coroutines of an ``async def`` raise WrongUse when they are asked for truth."""

    @wraps(work)
    def begin(*args: _P.args, **kwargs: _P.kwargs) -> Coroutine[Any, Any, _T]:
        return _Unawaited(work(*args, **kwargs))

    return begin


class _Unawaited(Coroutine[Any, Any, _T]):
    """A coroutine as any other, but for its truth."""

    __slots__ = ("_work",)

    def __init__(self, work: Coroutine[Any, Any, _T]) -> None:
        self._work = work

    def __bool__(self) -> bool:
        raise WrongUse("nothing is known before it is awaited: write `await` in front of the call")

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._work.__await__()

    def send(self, value: Any, /) -> Any:
        return self._work.send(value)

    def throw(self, *raised: Any) -> Any:
        return self._work.throw(*raised)

    def close(self) -> None:
        self._work.close()
