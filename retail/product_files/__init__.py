"""Products as files: ours and Shopify's, read strictly and held against the catalogue."""
