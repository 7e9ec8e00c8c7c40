"""Codex CLI: its session logs, called rollouts."""
