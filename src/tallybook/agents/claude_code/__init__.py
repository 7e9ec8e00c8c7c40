"""Claude Code: the reader of its session logs; conversation text never leaves this package."""
