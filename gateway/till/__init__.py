"""The till: one page at ``/register`` that sells through the register API like any other register.

    page.py              serves it, with what it must know before anybody has signed in
    static/till.js       what can be done: sign in, scan, pay, book, print
    static/state.js      the states of the till, as a table; what is on the screen
    static/keys.js       which key and which button does it
    static/screen.js     how it looks
    static/basket.js     the open basket: lines, quantities, news of prices; pure
    static/quote.js      what a basket costs; the one place to ask for a price
    static/order.js      a basket that is ordered from another store; pure
    static/credit.js     what store credits pay, and why one does not; pure
    static/given.js      what the amount field says; pure
    static/sale.js       a sale on its way: what is kept of it until it is answered, how it is sent
    static/kept.js       acknowledged sales, in the browser until the hub has them
    static/handing.js    forgetting them then, or handing them to the box that took over
    static/handed.js     what is said of that; pure
    static/problems.js   problem details -> messages; pure
    static/words.js      what the page says, one table per language

Plain modules, loaded as they are. The page is often on ``http://storegw-ID.local``, which is no
secure context for a browser: no service worker, no ``crypto.subtle``, no ``randomUUID``, no locks.
"""
