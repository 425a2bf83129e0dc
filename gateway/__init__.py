"""The program in the shop: keeps selling when the internet is gone."""
