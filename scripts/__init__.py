"""What is done with the project from a checkout: setup, demo, tests, benchmarks."""
