"""Pi's sessions, and those of oh-my-pi: one growing file each, a tree of entries that forks copy."""
