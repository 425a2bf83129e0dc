"""The back office's first page: orders, shortages and stores at ``/orders`` of the hub.

    page.py               serves it, with what it must know before anybody has signed in
    static/orders.js      what can be done: sign in, filter, open an order, decide, hear of news
    static/queue.js       the queue: what is asked for, page by page
    static/order.js       one order: its units, lines, money, history, and what can be done about it
    static/returns.js     what came back of an order, and what a customer said that will
    static/shortages.js   the shortage queue: what is proposed, what is decided
    static/stores.js      the stores: their links, and what boxes still hold that are gone
    static/words.js       statuses, events, problems and shortages in words; pure

Plain modules, loaded as they are; what they share with other pages is in ``web/static/``.

The page by itself shows nothing. Everything on it is read through ``/v1`` with the token that was
typed into it, which stays in that tab (``sessionStorage``): who has no token sees no order, and
what a role may not read or do is refused at the door and not only hidden here. News come over
``/v1/live`` as bare topics, so nothing personal travels without having been asked for.
"""
