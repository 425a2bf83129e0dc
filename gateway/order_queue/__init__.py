"""The orders that a store's team works: one page at ``/orders`` over ``/v1/orders``.

    page.py              serves it, with what it must know before anybody has signed in
    static/team.js       what can be done: sign in, open an order, tell what happened, hear of news
    static/state.js      what is on the screen
    static/board.js      the list: orders by what has to be done next
    static/order.js      the open order: lines to tick, buttons, the field for the pick-up code
    static/telling.js    one key per event, kept until it is answered: never lost, never doubled
    static/changes.js    what changed between two readings of the list, as messages; pure
    static/problems.js   problem details -> messages; pure
    static/words.js      what the page says, one table per language

What may be told next, what usually comes next and in which part of the list an order stands is said
by the gateway (``gateway.ordering.order_views``); here is only which button says it. The line to
the hub is not needed for any of it: while it is down the page says so, and that work goes on.
"""
