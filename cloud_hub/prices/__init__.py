"""What goods cost: price lists, promotions and their limits, tax rates, an order's price."""
