"""The counter: scanners, what registers hear without asking, how they find this gateway."""
