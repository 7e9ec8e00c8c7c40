"""Bytes on disk: the append-only NDJSON ledger."""
