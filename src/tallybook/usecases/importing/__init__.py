"""Ledgers of other systems, read as far as they can be understood."""
