"""An event loop in a thread of its own, for code that has none."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from tashika.errors import WrongUse

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LoopThread:
    """Runs coroutines for other threads.

    submit() from any thread; end() once, when nobody submits any more.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        # A daemon: a forgotten close() must not keep the interpreter alive.
        self._thread = threading.Thread(target=self._loop.run_forever, name="tashika", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Start ``work`` on the loop; WrongUse in a child process, where no thread runs."""
        if os.getpid() != self._process:
            raise WrongUse("this client was used before the fork; make one in each process")
        return asyncio.run_coroutine_threadsafe(work(*args, **kwargs), self._loop)

    def end(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what is under way, run ``farewell``, and end the thread."""
        if os.getpid() != self._process:
            return  # The loop is the parent's.
        try:
            self.submit(self._wind_up, farewell).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _wind_up(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await farewell()
