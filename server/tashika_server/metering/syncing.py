"""Syncs of a journal's file: within the call, or by the kernel while the loop goes on.

Not in a thread: that would wait for the interpreter's lock at its beginning and its end, longer
than for the disk (decision 20). Linux syncs beside its caller by `io_submit` (io_submit(2),
IOCB_CMD_FDSYNC, since 4.18), and tells by an eventfd when it is done. Where the kernel refuses,
as in some containers, a sync takes place within the call, as everywhere else.
"""

import asyncio
import ctypes
import errno
import os
import platform
from collections.abc import Callable
from struct import Struct
from typing import Protocol

from tashika_server.log import get_log
from tashika_server.metering.disk import Disk

__all__ = ["ByKernel", "InCall", "Sync", "Syncing", "by_kernel_if_it_does"]

log = get_log()


class Sync(Protocol):
    """One sync, which has begun."""

    def wait(self) -> None:
        """Return once it is done; raises OSError if it has failed. Once only."""
        ...


class Syncing(Protocol):
    """A way to sync, for one loop and one file after the other."""

    def begin(self, disk: Disk, file: int, then: Callable[[], None]) -> Sync | None:
        """Begin to make a file's bytes survive a power cut; None if that is done already.

        `then` is called in the running loop once a Sync is done, waited for or not. The one
        before is over. Raises OSError.
        """
        ...

    def look(self) -> None:
        """Call `then` now if the Sync is done already, rather than when the loop has time."""
        ...

    def close(self) -> None:
        """Let go; nothing is under way."""
        ...


class InCall:
    """Syncs before it returns."""

    def begin(self, disk: Disk, file: int, then: Callable[[], None]) -> None:
        """Do it all."""
        del then
        disk.sync(file)

    def look(self) -> None:
        """Do nothing: nothing is ever under way."""

    def close(self) -> None:
        """Do nothing."""


_CALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Numbers of io_setup, io_destroy, io_getevents and io_submit."""
_FDSYNC = 3
_TELL = 1
"""IOCB_FLAG_RESFD: add to an eventfd when it is done."""
_CONTROL = Struct("=QIIHhIQQqQII")
"""struct iocb of linux/aio_abi.h on a machine with little-endian numbers."""
_EVENT = Struct("=QQqq")


class _Loop(Protocol):
    """The loop, as far as it is needed here: uvloop returns None where asyncio's tells a bool."""

    def add_reader(self, file: int, then: Callable[[], None], /) -> object: ...

    def remove_reader(self, file: int, /) -> object: ...


class ByKernel:
    """Has the kernel sync; OSError if it does not do that for us. The disk is a real one."""

    def __init__(self) -> None:
        try:
            setup, self._destroy, getevents, submit = _CALLS[platform.machine()]
        except KeyError:
            raise OSError(errno.ENOSYS, "its calls are not known for this machine") from None
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._context = ctypes.c_ulong(0)
        self._do(setup, 1, ctypes.byref(self._context))
        self._done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._file = -1
        self._control = ctypes.create_string_buffer(_CONTROL.size)
        self._event = ctypes.create_string_buffer(_EVENT.size)
        controls = (ctypes.c_void_p * 1)(ctypes.addressof(self._control))
        one = ctypes.c_long(1)
        # Made once: what ctypes makes of each argument costs more than the call.
        self._to_submit = submit, self._context, one, controls
        self._to_collect = getevents, self._context, one, one, self._event, None
        self._loop: _Loop | None = None
        self._then: Callable[[], None] | None = None

    def begin(self, disk: Disk, file: int, then: Callable[[], None]) -> Sync:
        """Hand it to the kernel."""
        del disk
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._done, self._hear)
        if file != self._file:
            wanted = (0, 0, 0, _FDSYNC, 0, file, 0, 0, 0, 0, _TELL, self._done)
            _CONTROL.pack_into(self._control, 0, *wanted)
            self._file = file
        self._do(*self._to_submit)
        self._then = then
        os.sched_yield()  # so that it begins: see `look`
        return self

    def wait(self) -> None:
        """Wait for the kernel's word; that of a sync that failed is an OSError."""
        while self._do(*self._to_collect) != 1:
            pass  # a signal came first
        *_, result, _ = _EVENT.unpack(self._event)
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def look(self) -> None:
        """Give way to the kernel's own worker, and tell of the sync if that has.

        It runs on our core, when it begins and when the disk is done. Unless we give way, it waits
        each time until our slice of that core is over: 3 ms for a sync that takes 0.3.
        """
        os.sched_yield()
        self._hear()

    def _hear(self) -> None:
        try:
            os.eventfd_read(self._done)
        except BlockingIOError:
            return
        then, self._then = self._then, None
        if then:
            then()

    def close(self) -> None:
        """Give back what the kernel keeps for us."""
        if self._loop is not None:
            self._loop.remove_reader(self._done)
        os.close(self._done)
        self._do(self._destroy, self._context)

    def _do(self, *call: object) -> int:
        result = int(self._call(*call))
        if result < 0 and (wrong := ctypes.get_errno()) != errno.EINTR:
            raise OSError(wrong, os.strerror(wrong))
        return result


def by_kernel_if_it_does() -> Syncing:
    """Return the way that lets the loop go on, where there is one."""
    try:
        return ByKernel()
    except OSError as wrong:
        log.info("journal_syncs_in_call", reason=wrong.strerror)
        return InCall()
