"""The store: every response once, for ever."""
