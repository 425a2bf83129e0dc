"""The e-receipt: the same document as on paper, as plain text and as a page.

`page.py` answers either, whichever is asked for; `templates/receipt.html` has a block of the
document after the other; `static/receipt.css` shows a strip of paper.
"""
