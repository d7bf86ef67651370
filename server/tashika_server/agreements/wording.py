"""What people type into the registry: tidied, and refused where no database could keep it."""

from tashika_server.agreements.errors import BadScope

__all__ = ["worded"]


def worded(text: str, what: str) -> str:
    """Squeeze white space, line breaks too; BadScope if nothing is left or it cannot be shown."""
    tidy = " ".join(text.split())
    if tidy and tidy.isprintable():
        return tidy
    raise BadScope(
        f"the {what} is empty, or has characters that cannot be shown",
        rule=f"a {what} is words",
        remedy="write it out",
    )
