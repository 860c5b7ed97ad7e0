"""`lastgood incident import`."""

import click


@click.command("import")
def import_command() -> None:
    """Bring in incidents."""
