"""Runs the migrations on the connection that `schema.upgrade` gives; Alembic's entry point.

To write a new migration: change `tables.py` or `accounts.py`, then run
`alembic -x dsn=... revision --autogenerate`, and read what it wrote.
"""

from alembic import context

from tashika_server.book.accounts import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,  # true of SQLite too, as long as BEGIN is ours
)
context.run_migrations()
