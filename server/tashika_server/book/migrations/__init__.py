"""The steps that brought the tables to what they are; Alembic runs them."""
