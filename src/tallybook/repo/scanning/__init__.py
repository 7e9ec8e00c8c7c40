"""Rules about what may go into a repository, and what is looked at: the index, pushed commits, or files."""
