"""What people type into the registry: tidied, and refused where no database could keep it."""

import unicodedata

from tashika_server.agreements.errors import BadScope

__all__ = ["folded", "verbatim", "worded"]


def worded(text: str, what: str) -> str:
    """Squeeze white space, line breaks too; BadScope if nothing is left or it cannot be shown."""
    tidy = " ".join(text.split())
    if tidy and tidy.isprintable():
        return tidy
    raise _unshowable(what)


def verbatim(text: str, what: str) -> str:
    """Leave a text as it is, to the last space; BadScope if it cannot be shown."""
    if text and not any(unicodedata.category(each).startswith("C") for each in text):
        return text
    raise _unshowable(what)


def folded(name: str) -> str:
    """Write alike what people read as one name, in whatever case, width and spacing."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _unshowable(what: str) -> BadScope:
    return BadScope(
        f"the {what} is empty, or has characters that cannot be shown",
        rule=f"a {what} is words",
        remedy="write it out",
    )
