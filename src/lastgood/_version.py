"""The version of lastgood, said once: the build reads it from this file, and so does `lastgood --version`.

Reading it from the installed metadata would cost every command the import of `importlib.metadata`.
"""

__version__ = "0.1.0"
