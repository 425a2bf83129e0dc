"""Selling at the till: baskets, sales, what their lines name, store credit as a tender."""
