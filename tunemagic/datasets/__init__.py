"""Real data for lessons and tests, each with a card that says what it is and where it is from."""
