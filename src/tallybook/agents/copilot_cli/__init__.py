"""Copilot CLI: the events of its sessions, and the telemetry that it can write to a file."""
