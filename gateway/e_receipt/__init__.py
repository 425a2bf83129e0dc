"""The e-receipt: the same document as on paper, as plain text and as a page.

    page.py                  answers either, whichever is asked for
    templates/receipt.html   a block of the document after the other
    static/receipt.css       a strip of paper on the screen, and on a printer of offices
"""
