"""Droid's sessions: a running total for each in a document that is rewritten, and its messages in a file beside it."""
