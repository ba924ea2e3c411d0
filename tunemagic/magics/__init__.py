"""The hands: what a user types in a notebook, and nothing that could not be called from Python."""
