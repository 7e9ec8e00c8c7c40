"""What git calls: a path that imports the standard library only."""
