"""Goods that come back: what may, what is asked, what is paid for them."""
