"""The catalog (F3): facts and records in SQL; the only folder that knows a database."""
