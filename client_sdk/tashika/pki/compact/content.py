"""The sections of a compact set or a delta, as they lie in a file that is mapped."""

from tashika.pki.compact.head import COLUMNS, Head, Part
from tashika.pki.compact.serials import Octets, Serials
from tashika.pki.errors import Malformed


class Content:
    """What follows a head, from `start` to the end of the file.

    A file may end before the details and is whole then. Raises Malformed for one that ends
    anywhere else, and for sections that cannot be what the head says.
    """

    def __init__(self, data: Octets, head: Head, start: int) -> None:
        self.data = data
        self.head = head
        self._sets: dict[Part, Serials] = {}
        self._places: dict[Part, range] = {}
        ends = {start + sum(each.length for each in head.sections)}
        ends.add(start + sum(each.length for each in head.sections if not each.part.is_detail))
        if len(data) not in ends:
            raise Malformed("the file is longer or shorter than its head says")
        for section in head.sections:
            end = start + section.length
            if end > len(data):
                break
            self._places[section.part] = range(start, end)
            if section.part.is_set:
                count, octets = section.count, section.octets
                self._sets[section.part] = Serials(data, start, end, count=count, octets=octets)
            start = end

    @property
    def has_details(self) -> bool:
        """True where dates and reasons are there."""
        return Part.TIMES in self._places

    def serials(self, part: Part) -> Serials:
        """Return a set of serials; an empty one where there is none."""
        return self._sets.get(part) or Serials(bytes(4), 0, 4, count=0, octets=8)

    def octets(self, part: Part) -> range:
        """Return where a section lies; nowhere if it is not there."""
        return self._places.get(part, range(0))

    def values(self, part: Part, first: int, last: int) -> bytes:
        """Return the values of a column from one rank up to another."""
        start, size = self._places[part].start, COLUMNS[part]
        return self.data[start + first * size : start + last * size]

    def value(self, part: Part, rank: int) -> int:
        """Return one value of a column."""
        octets = self.values(part, rank, rank + 1)
        return int.from_bytes(octets, "little", signed=part is Part.INVALIDITY)

    def release(self) -> None:
        """Let go of the data, so that it can be closed."""
        for each in self._sets.values():
            each.release()
