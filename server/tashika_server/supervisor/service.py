"""The service: all of its processes, from start to end, and from one configuration to the next.

A reload changes nothing before the new configuration has passed the checks of a start. Then the
new workers are at work before the old ones are told, and those go on until whoever they talk to
has heard that they go. If the new ones do not come to work, everything stays with the old.
"""

import asyncio
import os
import signal
import time
from asyncio import gather
from collections.abc import Callable, Iterable, Sequence
from signal import Signals

from tashika_server.config import Config, ConfigError
from tashika_server.door import Answer
from tashika_server.log import configure_log, get_log
from tashika_server.supervisor.changes import refuse_what_must_stay
from tashika_server.supervisor.control import listening
from tashika_server.supervisor.ears import Ears, url
from tashika_server.supervisor.errors import StartRefused
from tashika_server.supervisor.lock import take_lock
from tashika_server.supervisor.notice import tell_manager
from tashika_server.supervisor.post import Post
from tashika_server.supervisor.roles import Role, Succession, roles
from tashika_server.supervisor.terms import END, RELIEVED

__all__ = ["Load", "supervise"]

log = get_log()

WORK_SECONDS = 60.0
"""How long a reload waits for a process to be at work. The refresher may take longer for its
first round, and goes on with it; workers that take so long are given up."""
HEAD_START = 3.0
"""How long workers may start alone: with what is there, they answer at once."""

MAX_TEXT = 8000
"""Characters of a complaint that go through the door; the log has them all."""

Load = Callable[[], Config]
"""Reads the configuration anew and makes the checks of a start; raises ConfigError."""


def supervise(
    config: Config, *, load: Load, check: Callable[[], None], announce: Callable[[str], None]
) -> None:
    """Run the service until SIGTERM or SIGINT; `announce` its URL once it is ready.

    The workers come first and the others after them, so that the first answer need not wait for
    those. `check` is made meanwhile; what it raises ends the service before it is ready. Raises
    that, and StartRefused when a lock, a port or a child stands in the way.
    """
    lock = take_lock(config.settings.run)
    ears = Ears.open(config.settings)
    if ears.tls:
        log.info("tls_listening", url=f"{url(ears.tls, 'https')}/ocsp")
    try:
        asyncio.run(_Service(config, ears, lock, load).run(check, announce))
    finally:
        ears.close()
        os.close(lock)


class _Service:
    """The posts of the service."""

    def __init__(self, config: Config, ears: Ears, lock: int, load: Load) -> None:
        self._config = config
        self._ears, self._lock, self._load = ears, lock, load
        self._posts: dict[str, Post] = {}
        """Those that make up the service, by title."""
        self._everybody: set[Post] = set()
        """Those too that come or go."""
        self._stopping = asyncio.Event()
        self._stumbled: BaseException | None = None
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[Answer]] = set()
        """Those asked for by SIGHUP."""

    async def run(self, check: Callable[[], None], announce: Callable[[str], None]) -> None:
        """Fill all posts, and see them off in the end."""
        self._obey_signals()
        async with listening(self._config.settings.run, self.reload):
            starting = asyncio.create_task(self._start(check, announce))
            starting.add_done_callback(self._mind_start)
            await self._stopping.wait()
        tell_manager("STOPPING=1")
        for each in (starting, *self._reloads):
            each.cancel()
        for post in self._everybody:
            post.give_up()
        await _end_of(self._everybody)
        if self._stumbled:
            raise self._stumbled
        log.info("service_stopped")

    async def reload(self) -> Answer:
        """Take the configuration up anew, and say what came of it. One reload at a time."""
        async with self._reloading:
            tell_manager("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                return await self._renew()
            except ConfigError as refused:
                log.error("reload_refused", problems=[*map(str, refused.problems)])  # noqa: TRY400
                return {"refused": str(refused)[:MAX_TEXT]}
            except StartRefused as failed:
                log.error("reload_failed", reason=str(failed))  # noqa: TRY400
                return {"failed": str(failed)}
            except Exception:
                log.exception("reload_failed")
                return {"failed": "the log says why"}
            finally:
                tell_manager("READY=1")

    async def _start(self, check: Callable[[], None], announce: Callable[[str], None]) -> None:
        async with self._reloading:
            self._take_on(Succession.BESIDE)
            workers = [post.at_work(within=HEAD_START) for post in self._posts.values()]
            await gather(asyncio.to_thread(check), *workers)
            self._take_on(Succession.NONE, Succession.AFTER)
            for post in list(self._posts.values()):
                await post.ready.wait()
        log.info("service_ready")
        tell_manager("READY=1")
        announce(f"{url(self._ears.responder)}/ocsp")

    async def _renew(self) -> Answer:
        config = await asyncio.to_thread(self._load)
        refuse_what_must_stay(config.file, self._config.settings, config.settings)
        try:
            for role in self._roles(config, Succession.AFTER):
                await self._follow(role)
            await self._relieve(self._roles(config, Succession.BESIDE))
        except Exception:
            await self._go_back()
            raise
        for role in self._roles(config, Succession.NONE):
            self._posts[role.title].role = role
        self._config = config
        configure_log(config.settings.log.format, process="supervisor")
        late = [title for title, post in self._posts.items() if not post.ready.is_set()]
        log.info("reloaded", file=str(config.file), not_at_work_yet=late)
        return {"file": str(config.file.absolute()), "late": late}

    async def _follow(self, role: Role) -> None:
        """Have a process end and its successor begin; raises StartRefused."""
        await self._dismiss(self._posts[role.title])
        successor = self._fill(role)
        await successor.at_work(within=WORK_SECONDS)
        successor.tenured = True
        self._posts[role.title] = successor

    async def _relieve(self, new: Sequence[Role]) -> None:
        """Have new workers at work, then the old ones leave; raises StartRefused, and none does."""
        fresh = [self._fill(role) for role in new]
        try:
            at_work = await gather(*(post.at_work(within=WORK_SECONDS) for post in fresh))
            if not all(at_work):
                raise StartRefused("the new workers do not come to work; their log says why")
        except Exception:
            await self._dismiss(*fresh)
            raise
        old = [post for post in self._posts.values() if post.role.succession is Succession.BESIDE]
        for post in old:
            del self._posts[post.role.title]
        self._posts |= {post.role.title: post for post in fresh}
        await self._dismiss(*old, farewell=RELIEVED)

    async def _go_back(self) -> None:
        """Have the processes of the old configuration again, whatever is wrong with them now."""
        for role in self._roles(self._config, Succession.AFTER):
            await self._dismiss(self._posts[role.title])
            self._posts[role.title] = post = self._fill(role)
            post.tenured = True
            await post.at_work(within=WORK_SECONDS)

    def _roles(self, config: Config, *kinds: Succession) -> list[Role]:
        found = roles(config, self._ears, self._lock)
        return [role for role in found if not kinds or role.succession in kinds]

    def _take_on(self, *kinds: Succession) -> None:
        for role in self._roles(self._config, *kinds):
            self._posts[role.title] = self._fill(role)

    def _fill(self, role: Role) -> Post:
        post = Post(role)
        self._everybody.add(post)
        post.kept.add_done_callback(lambda _: self._mind(post))
        return post

    def _mind_start(self, starting: asyncio.Task[None]) -> None:
        """Take note that the start has failed: then all ends."""
        if not starting.cancelled() and (wrong := starting.exception()):
            self._stumbled = wrong
            self._stopping.set()

    def _mind(self, post: Post) -> None:
        """Take note that a post is kept no longer; if it was of the service, all of that ends."""
        self._everybody.discard(post)
        wrong = None if post.kept.cancelled() else post.kept.exception()
        if wrong and post in self._posts.values():
            self._stumbled = wrong
            self._stopping.set()

    async def _dismiss(self, *posts: Post, farewell: Signals = END) -> None:
        for post in posts:
            post.give_up(farewell)
        await _end_of(posts)

    def _obey_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_later)

    def _reload_later(self) -> None:
        reload = asyncio.create_task(self.reload())
        self._reloads.add(reload)
        reload.add_done_callback(self._reloads.discard)


async def _end_of(posts: Iterable[Post]) -> None:
    if kept := [post.kept for post in posts]:
        await asyncio.wait(kept)
