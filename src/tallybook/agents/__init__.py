"""Readers of agents' session logs: text stays here, only counted facts leave."""
