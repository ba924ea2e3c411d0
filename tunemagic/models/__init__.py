"""Templates of networks, optimisers and schedules, as plain ``build(hp)`` callables."""
