"""One module per thing a user wants done: wires the parts, returns values, never prints."""
