"""An event loop in a thread of its own, for code that has none."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
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
        self._thread = threading.Thread(target=self._run, name="tashika", daemon=True)
        self._ended = False
        self._thread.start()

    def require_other_thread(self) -> None:
        """Raise WrongUse in this very thread, which would wait for itself without end."""
        if threading.current_thread() is self._thread:
            raise WrongUse("called in its own thread, as in `progress`, a client would hang")

    def submit(
        self, work: Callable[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Start ``work`` on the loop; WrongUse in its thread, and in a child process without it."""
        if os.getpid() != self._process:
            raise WrongUse("this client was used before the fork; make one in each process")
        self.require_other_thread()
        return asyncio.run_coroutine_threadsafe(work(*args, **kwargs), self._loop)

    def end(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what is under way, run ``farewell``, and end the thread."""
        if os.getpid() != self._process:
            return  # The loop is the parent's.
        try:
            self.submit(self._wind_up, farewell).result()
        finally:
            self._ended = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _run(self) -> None:
        while not self._ended:
            # asyncio lets these two end the loop, beside giving them to whoever awaits the task.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()

    async def _wind_up(self, farewell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await farewell()
