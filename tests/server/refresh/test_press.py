"""Files that are ready together are published together; what one of them lacks costs no other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.crls import AT, Row
from support.refreshing import House
from tashika_server.index import IndexWriter, Publication
from tashika_server.refresh import press as pressing
from tashika_server.refresh.fetch import Fetched
from tashika_server.refresh.process import Refresher
from tashika_server.refresh.records import Records
from tashika_server.refresh.room import Room
from tashika_server.refresh.source import Check, Kind, NotTaken, Source
from tashika_server.refresh.taking import Outcome, Taking, Tools, publish, take_in

NAMES = tuple(f"http://crl.invalid/{number}.crl" for number in range(5))


@dataclass
class Scene:
    """A refresher whose files are taken in by hand."""

    house: House
    tools: Tools
    sources: dict[str, Source]
    rooms: ExitStack
    ready: dict[str, tuple[Publication, Taking]] = field(default_factory=dict)

    @property
    def writer(self) -> IndexWriter:
        return self.tools.writer

    def commits(self) -> int:
        return int(self.writer._store.environment.info()["last_txnid"])

    async def offer(self, name: str, *args: list[Row | int], number: int = 1) -> None:
        self.house.offer_crl(name, *args, number=number)
        room = self.rooms.enter_context(Room.within(self.tools.spool))
        source = self.sources[name]
        fetched = await self.tools.fetcher.fetch(source.partition.url, None, room.file)
        assert isinstance(fetched, Fetched)
        taking = Taking(
            source=source, kind=Kind.COMPLETE, url="", fetched=fetched, room=room, at=AT
        )
        publication = take_in(taking, self.tools)
        assert publication
        self.ready[name] = publication, taking

    def publish(self, name: str) -> Outcome:
        return publish(*self.ready[name], self.tools)

    def listed(self, name: str) -> list[int]:
        with self.writer.reader.snapshot() as view:
            return [entry.serial for entry in view.entries(self.house.fingerprint, name)]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    house = House(tmp_path, names=NAMES)
    async with AsyncExitStack() as opened:
        refresher = await opened.enter_async_context(Refresher.of(house.parts))
        sources = {
            each.partition.name: each for each in refresher.sources if isinstance(each, Source)
        }
        with ExitStack() as rooms:
            yield Scene(house, refresher._tools, sources, rooms)


async def test_a_cycle_is_one_commit_and_a_generation_each(scene: Scene):
    for number, name in enumerate(NAMES):
        await scene.offer(name, [10 * number, 10 * number + 1])
    before = scene.commits()
    assert [scene.publish(name) for name in NAMES] == [Outcome.PUBLISHED] * 5
    assert scene.commits() == before + 1
    with scene.writer.reader.snapshot() as view:
        changes = view.changes(after=view.generation - 5)
        assert changes
        assert [each.partition for each in changes] == list(NAMES)
    assert scene.listed(NAMES[3]) == [30, 31]


async def test_a_certificate_that_moves_to_another_partition_moves_at_once(scene: Scene):
    for name, rows in zip(NAMES[:2], ([1, 2], [3]), strict=True):
        await scene.offer(name, list(rows))
        scene.publish(name)
    await scene.offer(NAMES[1], [2, 3], number=2)
    await scene.offer(NAMES[0], [1], number=2)
    scene.publish(NAMES[1])
    assert (scene.listed(NAMES[0]), scene.listed(NAMES[1])) == ([1], [2, 3])


async def test_one_that_cannot_be_published_is_named_and_the_others_are(scene: Scene):
    await scene.offer(NAMES[0], [1])
    await scene.offer(NAMES[1], [1])
    await scene.offer(NAMES[2], [5])
    assert scene.publish(NAMES[2]) is Outcome.PUBLISHED
    assert scene.publish(NAMES[0]) is Outcome.PUBLISHED
    with pytest.raises(NotTaken) as refused:
        scene.publish(NAMES[1])
    assert refused.value.check is Check.ENTRIES
    assert [scene.listed(name) for name in NAMES[:3]] == [[1], [], [5]]


async def test_what_cannot_be_published_does_not_keep_a_certificate_from_moving(scene: Scene):
    for name, rows in zip(NAMES[:3], ([1, 2], [3], [4]), strict=True):
        await scene.offer(name, list(rows))
        scene.publish(name)
    await scene.offer(NAMES[2], [4, 1], number=2)
    await scene.offer(NAMES[1], [2, 3], number=2)
    await scene.offer(NAMES[0], [1], number=2)
    assert scene.publish(NAMES[1]) is Outcome.PUBLISHED
    assert [scene.listed(name) for name in NAMES[:3]] == [[1], [2, 3], [4]]
    with pytest.raises(NotTaken, match=f"that {NAMES[0]} lists already; ask the issuer"):
        scene.publish(NAMES[2])


async def test_a_file_that_fails_fails_alone(scene: Scene):
    await scene.offer(NAMES[0], [1])
    await scene.offer(NAMES[1], [2])
    added = scene.ready[NAMES[0]][0].changes.added
    assert isinstance(added, Records)
    added._file.truncate(0)
    assert scene.publish(NAMES[1]) is Outcome.PUBLISHED
    with pytest.raises(OSError, match="shorter"):
        scene.publish(NAMES[0])
    assert (scene.listed(NAMES[0]), scene.listed(NAMES[1])) == ([], [2])


async def test_what_is_withdrawn_is_not_published(scene: Scene):
    await scene.offer(NAMES[0], [1])
    await scene.offer(NAMES[1], [2])
    scene.tools.press.withdraw(scene.ready[NAMES[0]][1])
    scene.publish(NAMES[1])
    assert (scene.listed(NAMES[0]), scene.listed(NAMES[1])) == ([], [2])


async def test_a_commit_has_an_end(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pressing, "MOST_TOGETHER", 3)
    for number, name in enumerate(NAMES):
        await scene.offer(name, [10 * number, 10 * number + 1])
    before = scene.commits()
    scene.publish(NAMES[1])
    assert scene.commits() == before + 2
    assert [bool(scene.listed(name)) for name in NAMES] == [True, True, False, False, False]
    scene.tools.press.publish_all()
    assert scene.commits() == before + 5
    assert all(scene.listed(name) for name in NAMES)
