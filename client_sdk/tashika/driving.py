"""The two drivers of every flow: a generator that yields its wishes, and is sent what came of them.

They know nothing of what a wish is: whoever drives says who grants it.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

T = TypeVar("T")
Answer = Callable[[object], object]
"""Does what a flow wishes for, and returns what is sent back to it."""
AsyncAnswer = Callable[[object], Awaitable[object]]


def drive(flow: Generator[object, Any, T], answer: Answer) -> T:
    """Run a flow to its end; what ``answer`` raises ends it."""
    with closing(flow):
        try:
            wish = next(flow)
            while True:
                wish = flow.send(answer(wish))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


async def drive_async(flow: Generator[object, Any, T], answer: AsyncAnswer) -> T:
    """Run a flow to its end, as drive() does."""
    with closing(flow):
        try:
            wish = next(flow)
            while True:
                wish = flow.send(await answer(wish))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
