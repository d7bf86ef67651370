"""SQL statements compiled once for all engines of a process, by being imported.

SQLAlchemy keeps what it has compiled for each engine. Every test has engines of its own, and
would spend a fifth of its time on compiling.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event


class _Compiled(dict[tuple[Any, ...], Any]):
    """For each kind of database, where SQLAlchemy's keys begin with the engine's own dialect."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], statement: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), statement)


_compiled = _Compiled()


@event.listens_for(Engine, "engine_connect")
def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)
