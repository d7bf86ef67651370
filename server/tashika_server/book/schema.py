"""Brings the tables of a database to this program's revision, and tells whether they are."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tashika_server.book.errors import BookOutdated

__all__ = ["REVISION", "demand_current", "upgrade"]

REVISION = "0006"
"""The newest migration of this program."""
UNDEFINED_TABLE = "42P01"
"""How PostgreSQL says what SQLite says in words."""


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing; BookOutdated if a newer program made the tables."""
    # Alembic alone takes as long to import as a whole command; few commands upgrade.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "tashika_server.book:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as unknown:
        raise BookOutdated(f"the book was made by a newer program: {unknown}") from unknown


def demand_current(connection: Connection) -> None:
    """Raise BookOutdated unless the tables have exactly the needed revision."""
    found = _revision(connection)
    if found != REVISION:
        raise BookOutdated(
            f"the book has revision {found or 'none'}, this program needs {REVISION}; "
            "run `tashika-server book upgrade`, or the newer program if it was that already"
        )


def _revision(connection: Connection) -> str | None:
    """Read what Alembic has noted; None in a database without our tables."""
    try:
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as fault:
        # Each transaction asks: to look for the table first costs more than most of them.
        if _is_of_no_table(fault.orig):
            return None
        raise
    return revision


def _is_of_no_table(fault: BaseException | None) -> bool:
    return getattr(fault, "sqlstate", None) == UNDEFINED_TABLE or "no such table" in str(fault)
