"""`python -m lastgood`: the command line, for a Python whose programs are not on PATH."""

from lastgood.cli.main import main

if __name__ == "__main__":
    main()
