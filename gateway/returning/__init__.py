"""What customers bring back: whose right it is, what is paid, what becomes of the goods."""
