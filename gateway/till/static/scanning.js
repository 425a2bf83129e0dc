/** Codes, scanned or typed: what each of them means goes into the basket, in the order of the scans. */

import { added, lineOf } from "./basket.js";
import { isCreditCode } from "./credit.js";
import { showCredit } from "./crediting.js";
import { at } from "./elements.js";
import { latinDigits } from "./numbers.js";
import { setBasket } from "./pricing.js";
import { openBasket } from "./ringing.js";
import { notify, tell, tellProblem } from "./showing.js";
import { till } from "./state.js";

/** The code field was sent. Empty, it means the next customer. */
export function codeTyped() {
  const text = at("code").value.trim();
  at("code").value = "";
  if (text !== "") addTyped(text);
  else if (till.state === "done") openBasket();
}

/** "3*CODE" takes three; a scanner's own code is never taken apart. */
function addTyped(text) {
  const found = /^(\d{1,6})\*(.+)$/.exec(latinDigits(text));
  if (found !== null) add(found[2].trim(), Number(found[1]));
  else add(/^\p{Nd}+$/u.test(text) ? latinDigits(text) : text);
}

/** The register's own scanner. What is not counted is said: the scanner has beeped. */
export function hearScanner(message) {
  if (message.type === "scan.dropped") tell({ key: "scanHalf" }, [{ key: "unreadDo" }]);
  if (message.type !== "scan") return;
  if (message.duplicate) tellTwice(message);
  else add(message.code);
}

/** Adds what a code means, one after the other. */
function add(code, quantity) {
  const act = isCreditCode(code) ? () => showCredit(code) : () => addNow(code, quantity);
  till.adding = till.adding.then(act).catch(reportError);
}

async function addNow(code, quantity) {
  let product;
  try {
    product = await till.gateway.get(`/v1/lookup?code=${encodeURIComponent(code)}`);
  } catch (error) {
    tellProblem(error);
    return;
  }
  if (till.state === "waiting") {
    tell({ key: "scanWaits" });
    return;
  }
  if (till.basket.order !== null) {
    tell({ key: "scanOrder" });
    return;
  }
  if (product.archived) {
    tell({ key: "archived", values: { product: till.nameOf(product) } }, [], "bad");
    return;
  }
  if (till.state !== "ringing") openBasket();
  till.notice = null;
  setBasket(added(till.basket, lineOf(product, code, quantity)));
  if (product.is_expired) tellExpired(product);
}

/** The goods are in the basket all the same: whoever sells sees what is printed on them. */
function tellExpired(product) {
  notify(() => ({
    title: {
      key: "expired",
      values: { product: till.nameOf(product), day: till.numbers.day(product.expires_on) },
    },
    sentences: [{ key: "expiredDo" }],
  }), "bad");
}

/** A label that the scanner read twice at once is one piece; said when the first is in the basket. */
function tellTwice({ sku }) {
  till.adding = till.adding.then(() => {
    const line = till.basket.lines.find((one) => one.sku === sku);
    if (till.state !== "ringing" || line === undefined) return;
    tell({ key: "readTwice", values: { product: till.nameOf(line) } }, [{ key: "readTwiceDo" }]);
  });
}
