"""What `tally doctor` looks at: small named checks that run what they tell of, and leave nothing behind."""
