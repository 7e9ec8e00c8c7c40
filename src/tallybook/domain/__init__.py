"""The pure heart: what goals, attempts, stages and tokens are; msgspec's structs and the standard library only."""
