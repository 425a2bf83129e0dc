"""What the box says about itself: one report, one headline in words, one page that updates itself.

    report.py    the JSON of ``GET /v1/status``: structs, nothing else
    headline.py  facts -> the sentences a shopkeeper reads first; pure
    alerts.py    a report -> what wants a person, and what to do; a closed list; pure
    cards.py     a report -> the page as a value; `shop_cards`, `box_cards` have its cards; pure
    words.py     saying things in the reader's language; the tables are `words_en`, `words_ar`
    feed.py      "something changed" -> every open stream, latest wins, bounded
    page.py      the handlers: the page, its event stream, its static files

The page is drawn in one place, on the gateway: the first paint and every later update come out of
the same template, so they cannot drift apart, and the page reads without JavaScript too.
"""
