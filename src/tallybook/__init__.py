"""tallybook: the book of account for work done by AI coding agents."""

__version__ = "0.1.0"
