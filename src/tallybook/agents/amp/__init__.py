"""Amp's threads: one JSON document each, with the usage of its messages and a ledger beside them."""
