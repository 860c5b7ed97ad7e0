"""The catalog's schema, as Alembic migrations; the first one makes it, each later one changes it."""
