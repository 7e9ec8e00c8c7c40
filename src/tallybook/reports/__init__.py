"""State turned into documents and JSON contracts."""
