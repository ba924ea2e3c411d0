"""The search: what a cell means, its data, strategies, trials and the loop that drives them."""
