"""The program in the cloud: serves the storefront and merges what all gateways did."""
