"""A small web shop on the standard library."""

__version__ = "1.4.0"
