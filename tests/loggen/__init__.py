"""Synthetic logs of agents, with totals that are known by construction."""
