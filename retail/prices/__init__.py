"""What goods cost: tax, price lists, promotions, discounts, and a basket's sums."""
