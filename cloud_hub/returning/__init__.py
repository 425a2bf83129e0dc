"""What comes back, wherever in the chain: rights to take it, news of it, store credit."""
