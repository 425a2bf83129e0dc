"""The audit: reads all that was heard and asks no verb whether it is true."""
