"""What git knows: repositories, worktrees, messages and trailers."""
