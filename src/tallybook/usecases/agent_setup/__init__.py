"""Teaches an agent to keep its book: hooks, a skill and instructions in its own files, and takes them away again."""
