"""The pure heart: what goals, attempts, stages and tokens are; attrs and the standard library only."""
