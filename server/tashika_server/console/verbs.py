"""A verb of the registry as the API calls it: what it takes and gives, read off its signature.

    add_holder(change: Change, verifier_id: str, *, kind: HolderKind, name: str) -> Holder

writes, since its first parameter is a Change; takes `verifier_id` from the path, because the
path names it; `kind` and `name` from the body. What nobody sends (the time, who needs a
second person) is given by name. So a route is one line, and cannot differ from its function.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from datetime import datetime
from enum import Enum, auto
from inspect import Parameter, signature
from typing import Any, get_type_hints

from sqlalchemy import Connection

from tashika_server.agreements.registry import Issuers
from tashika_server.book import Change
from tashika_server.console.problems import BadBody
from tashika_server.console.shapes import structure
from tashika_server.console.visit import Visit
from tashika_server.policy import Guarded

__all__ = ["Access", "House", "Verb"]

ORDER = "order"
"""The parameter that is the whole body."""


class Access(Enum):
    """What a verb does to the book; told by its first parameter."""

    READ = auto()
    WRITE = auto()
    NONE = auto()
    """It takes the visit itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every verb may know that is not in the request's body."""

    two_person: Collection[Guarded]
    issuers: Issuers
    at: datetime
    visit: Visit


_HOUSE = frozenset(each.name for each in fields(House))
_ACCESS = {Connection: Access.READ, Change: Access.WRITE, Visit: Access.NONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A function with what it wants and from where."""

    act: Callable[..., Any]
    access: Access
    takes: Any
    """The type of the body, or of the query of what only reads; None for nothing."""
    whole: bool
    """Whether the body is one parameter."""
    house: frozenset[str]
    gives: Any

    @classmethod
    def of(cls, act: Callable[..., Any], path: str) -> "Verb":
        """Read a function's signature, for a path with names in braces."""
        hints = get_type_hints(act)
        gives = hints.pop("return")
        first, *rest = signature(act).parameters.values()
        wanted = [each for each in rest if f"{{{each.name}}}" not in path]
        body = [each for each in wanted if each.name not in _HOUSE]
        whole = [each.name for each in body] == [ORDER]
        return cls(
            act=act,
            access=_ACCESS[hints[first.name]],
            takes=hints[ORDER] if whole else _body(act.__name__, body, hints),
            whole=whole,
            house=frozenset(each.name for each in wanted) & _HOUSE,
            gives=gives,
        )

    def call(
        self, on: object, house: House, path: Mapping[str, str], body: Mapping[str, Any]
    ) -> Any:
        """Call it on a connection or change, with what `arguments` made of the body."""
        given = {name: getattr(house, name) for name in self.house}
        return self.act(on, **path, **body, **given)

    def arguments(self, data: Any) -> dict[str, Any]:
        """Make arguments of parsed JSON; BadBody. What is not sent has the function's default."""
        if self.takes is None:
            for name in data or ():
                raise BadBody(f"?{name}", "is not known here", "leave it out")
            return {}
        made = structure(self.takes, data)
        if self.access is Access.WRITE and not data:
            raise BadBody("", "changes nothing", "send what is to be changed")
        return {ORDER: made} if self.whole else {name: getattr(made, name) for name in data}


def _body(name: str, parameters: list[Parameter], hints: Mapping[str, Any]) -> Any:
    if not parameters:
        return None
    shape = [(each.name, hints[each.name], field(default=_default(each))) for each in parameters]
    title = "".join(word.capitalize() for word in name.split("_"))
    made = make_dataclass(title, shape, kw_only=True)
    made.__doc__ = f"What `{name}` takes."
    return made


def _default(parameter: Parameter) -> Any:
    return MISSING if parameter.default is Parameter.empty else parameter.default
