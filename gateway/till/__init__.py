"""The till: one page at ``/register`` that sells through the register API like any other register.

    page.py              serves it, with what it must know before anybody has signed in
    static/till.js       puts it together: which key, button or news does what
    static/state.js      all its state: a table of states; what is on the screen and behind it
    static/keys.js       which key and which button does it

What can be done, each from the press to the paint; a module only loads those below it:

    static/signing.js    in with a token, on where the tab was left, and out
    static/hearing.js    what the gateway tells without being asked
    static/scanning.js   codes, scanned or typed
    static/crediting.js  store credits that a customer shows
    static/booking.js    a sale: written down, sent until it is answered, shown
    static/printing.js   its receipt, shown and printed
    static/ringing.js    the lines of the basket
    static/redeeming.js  coupons that a customer shows
    static/ordering.js   what is short here, from another store
    static/paying.js     the money
    static/speaking.js   the language
    static/pricing.js    the open basket as it changes: kept, priced
    static/showing.js    the next state, what must be read, the page painted

What that rests on:

    static/screen.js     how it looks
    static/lines.js      how the basket looks: lines, coupons, store credits
    static/basket.js     the open basket: lines, quantities, news of prices; pure
    static/quote.js      what a basket costs; the one place to ask for a price
    static/order.js      a basket that is ordered from another store; pure
    static/credit.js     what store credits pay, and why one does not; pure
    static/given.js      what the amount field says; pure
    static/tab.js        what the tab keeps over a reload: who is signed in, the open basket
    static/sale.js       a sale on its way: what is kept of it until it is answered, how it is sent
    static/kept.js       acknowledged sales, in the browser until the hub has them
    static/handing.js    forgetting them then, or handing them to the box that took over
    static/handed.js     what is said of that; pure
    static/problems.js   problem details -> messages; pure
    static/words.js      what the page says, one table per language

Plain modules, loaded as they are. The page is often on ``http://storegw-ID.local``, which is no
secure context for a browser: no service worker, no ``crypto.subtle``, no ``randomUUID``, no locks.
"""
