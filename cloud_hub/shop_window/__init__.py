"""The storefront's page at ``/shop`` of the hub: a demonstration of what an integrator copies.

    page.py             serves it, with what it must know before anybody has signed in
    static/shop.js      what can be done: look, fill a basket, set it aside, order, see it through
    static/state.js     the states of a visit, as a table; what is on the screen
    static/stock.js     what may be offered of what; what a basket lacks; pure
    static/order.js     an order is placed once, whatever becomes of the line or the page
    static/screen.js    how it looks
    static/words.js     what the page says, one table per language

Plain modules, loaded as they are; what they share with other pages is in ``web/static/``.

**The token.** The page calls the same ``/v1`` as any storefront, with a storefront token that an
operator types into it; it stays in that tab (``sessionStorage``). In a real shop the customer's
browser must never have that token, for it reads every order: there the shop's own server keeps it
and passes on the few calls that `shop.js` makes, each for its own customer alone. The hub has no
switch that does this for the public. It would be one more door to stock and orders, without a
customer's login, and somebody would leave it open; without a token the page shows nothing and can
do nothing, so it may be served always.
"""
