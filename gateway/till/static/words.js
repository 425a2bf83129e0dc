/**
 * What the page says, one table per language, and the one way to say it.
 *
 * A message is {key, values, count}; `count` chooses among plural forms where a language has them.
 * A value is text, or a message. {list: [message, ...]} is several, joined as the language joins
 * them. Values go into <bdi>: a SKU, a number or a name from elsewhere keeps its own direction and
 * never reorders the sentence around it. What is typed as it stands is isolated in the text itself.
 *
 * The table of each language has the same keys; a test compares them.
 */

export const LANGUAGES = {
  en: { name: "English", direction: "ltr", join: "; ", end: "." },
  ar: { name: "العربية", direction: "rtl", join: "؛ ", end: "." },
};

export const WORDS = {
  en: {
    // signing in
    till: "Till",
    language: "Language",
    tokenLabel: "Token of this register",
    tokenHint: "On the gateway: store-gateway token --role cashier --register till-1",
    registerLabel: "Name of this register",
    registerHint: "This token may speak for any register: say which one this is.",
    signIn: "Sign in",
    signOut: "Sign out",
    cashier: "{name} at {register}",
    noScript: "The till needs JavaScript.",
    tokenUnknown: "This gateway does not know the token.",
    tokenDo: "Copy the whole token, or make a new one on the gateway: store-gateway token --role cashier --register till-1",
    forbidden: "This token may not do that.",
    roleWrong: "A token of the role {role} does not sell.",
    // the basket
    codeLabel: "Barcode or SKU",
    codeHint: "Scan or type, then Enter. 3*CODE takes three.",
    add: "Add",
    basket: "Basket",
    product: "Product",
    quantity: "Quantity",
    quantityOf: "Quantity of {product}",
    price: "Price",
    amount: "Amount",
    total: "Total",
    discount: "{name} {amount}",
    sumAsked: "Without offers so far.",
    sumAlone: "Without offers: the gateway does not say the price.",
    empty: "Scan the first product.",
    addedLine: "{product}: {quantity}",
    each: "{price}",
    per: "{price} for {quantity}",
    unit_piece: "",
    unit_g: "g",
    unit_ml: "ml",
    unit_cm: "cm",
    less: "One less of {product}",
    more: "One more of {product}",
    // what can be done
    cash: "Cash",
    card: "Card",
    voidLine: "Void line",
    newBasket: "New basket",
    clearSure: { one: "Void the basket with {units} line? Press again.", other: "Void the basket with {units} lines? Press again." },
    back: "Back",
    given: "Cash given",
    givenHint: "Empty means the exact amount.",
    givenUnread: "This is no amount of money in {currency}.",
    givenShort: "{missing} are missing.",
    givenScanned: "This looks like a barcode, not like money.",
    change: "Change",
    book: "Book the sale",
    cardAsk: "Take {total} on the card terminal, then book the sale.",
    cardBooked: "Paid by card",
    // on its way
    booking: "Booking the sale.",
    unanswered: "The gateway has not answered yet.",
    unansweredDo: "The sale may be booked or not. It is asked about again, as the same sale, and is booked once. Do not ring it up again.",
    tries: { one: "{units} try so far.", other: "{units} tries so far." },
    askNow: "Ask again now",
    scanWaits: "Not added: a sale waits for its answer. Scan it again afterwards.",
    notOurs: "A sale of {time} over {total} waits for its answer.",
    notOursDo: "It was sent with another token, or to another gateway, and only there it can be asked about. Sign in with that token, or look among the sales of the shop whether it is booked.",
    setAside: "I have looked: set it aside",
    // done
    booked: "Sale booked",
    bookedFirst: "This sale was booked already, as it was sent first. What was changed since is not in it.",
    receipt: "Receipt {number}",
    receiptMissing: "The receipt could not be fetched.",
    print: "Print a copy",
    printing: "A copy is being printed.",
    // refusals
    short: "Not enough of {product}.",
    left: { zero: "None left here", one: "{units} left here", other: "{units} left here" },
    keptOnline: { one: "{units} more is kept for the website, {heard}", other: "{units} more are kept for the website, {heard}" },
    moreAt: { one: "{units} more is at {place}, {heard}", other: "{units} more are at {place}, {heard}" },
    heard: "last heard {time}",
    notHeard: "not heard yet",
    archived: "{product} is sold no more.",
    unknown: "Nothing in the catalogue has the code {code}.",
    unknownDo: "Check the code, or have head office add the product.",
    priceChanged: "The total is now {total}, not {expected}.",
    priceChangedDo: "Tell the customer, then take the new total or go back to the basket.",
    takeTotal: "Take {total}",
    storage: "The gateway's disk did not take the sale.",
    storageDo: "Nothing was booked. Free space on the gateway, then book again.",
    stopped: "This gateway does not sell now.",
    stoppedDo: "Nothing was booked. The basket stays here; the status page says more.",
    busy: "The gateway is busy. Try again.",
    refused: "The gateway refuses this.",
    said: "{detail}",
    noAnswer: "The gateway does not answer.",
    noAnswerDo: "Nothing was added. Try again.",
    noStore: "This browser keeps nothing, so the sale was not sent.",
    noStoreDo: "Leave private browsing, or free space on this device.",
    // the line to the gateway
    live: "Connected to the gateway",
    lost: "No contact with the gateway. Trying again.",
  },
  ar: {
    till: "نقطة البيع",
    language: "اللغة",
    tokenLabel: "رمز دخول هذا الصندوق",
    tokenHint: "على البوابة: \u2066store-gateway token --role cashier --register till-1\u2069",
    registerLabel: "اسم هذا الصندوق",
    registerHint: "هذا الرمز صالح لأي صندوق: اكتب أي صندوق هذا.",
    signIn: "دخول",
    signOut: "خروج",
    cashier: "{name} على {register}",
    noScript: "تحتاج نقطة البيع إلى JavaScript.",
    tokenUnknown: "هذه البوابة لا تعرف هذا الرمز.",
    tokenDo: "انسخ الرمز كاملاً، أو أنشئ رمزاً جديداً على البوابة: \u2066store-gateway token --role cashier --register till-1\u2069",
    forbidden: "هذا الرمز لا يسمح بذلك.",
    roleWrong: "رمز بدور {role} لا يبيع.",
    codeLabel: "الباركود أو رقم الصنف",
    codeHint: "امسح أو اكتب ثم اضغط Enter. \u20663*CODE\u2069 تعني ثلاث قطع.",
    add: "إضافة",
    basket: "السلة",
    product: "الصنف",
    quantity: "الكمية",
    quantityOf: "كمية {product}",
    price: "السعر",
    amount: "المبلغ",
    total: "الإجمالي",
    discount: "{name} {amount}",
    sumAsked: "بلا عروض حتى الآن.",
    sumAlone: "بلا عروض: البوابة لا تقول السعر.",
    empty: "امسح أول صنف.",
    addedLine: "{product}: {quantity}",
    each: "{price}",
    per: "{price} لكل {quantity}",
    unit_piece: "",
    unit_g: "غ",
    unit_ml: "مل",
    unit_cm: "سم",
    less: "إنقاص {product}",
    more: "زيادة {product}",
    cash: "نقداً",
    card: "بطاقة",
    voidLine: "حذف السطر",
    newBasket: "سلة جديدة",
    clearSure: "حذف السلة كلها؟ عدد الأسطر: {units}. اضغط مرة أخرى.",
    back: "رجوع",
    given: "المبلغ المستلم",
    givenHint: "اتركه فارغاً إذا كان المبلغ مضبوطاً.",
    givenUnread: "هذا ليس مبلغاً بعملة {currency}.",
    givenShort: "ينقص {missing}.",
    givenScanned: "هذا يشبه الباركود وليس مبلغاً.",
    change: "الباقي",
    book: "تسجيل البيع",
    cardAsk: "خذ {total} على جهاز البطاقة ثم سجّل البيع.",
    cardBooked: "دُفع بالبطاقة",
    booking: "جارٍ تسجيل البيع.",
    unanswered: "لم تجب البوابة بعد.",
    unansweredDo: "قد يكون البيع مسجلاً وقد لا يكون. يُسأل عنه مرة أخرى على أنه البيع نفسه، ولا يُسجل إلا مرة واحدة. لا تُدخله من جديد.",
    tries: "عدد المحاولات: {units}.",
    askNow: "اسأل الآن",
    scanWaits: "لم يُضف: هناك بيع ينتظر الجواب. امسح الصنف بعد ذلك.",
    notOurs: "بيع الساعة {time} بمبلغ {total} ينتظر الجواب.",
    notOursDo: "أُرسل برمز آخر أو إلى بوابة أخرى، ولا يمكن السؤال عنه إلا هناك. ادخل بذلك الرمز، أو ابحث في مبيعات المحل إن كان مسجلاً.",
    setAside: "بحثتُ عنه: ضعه جانباً",
    booked: "سُجّل البيع",
    bookedFirst: "كان هذا البيع مسجلاً كما أُرسل أول مرة. ما تغيّر بعد ذلك ليس فيه.",
    receipt: "الإيصال {number}",
    receiptMissing: "تعذّر جلب الإيصال.",
    print: "طباعة نسخة",
    printing: "تُطبع نسخة.",
    short: "الكمية لا تكفي: {product}.",
    left: { zero: "لم يبقَ شيء هنا", other: "المتبقي هنا: {units}" },
    keptOnline: "محجوز للموقع: {units}، {heard}",
    moreAt: "في {place}: {units}، {heard}",
    heard: "آخر خبر {time}",
    notHeard: "لا خبر بعد",
    archived: "لم يعد يُباع: {product}.",
    unknown: "لا صنف في الكتالوج بالرمز {code}.",
    unknownDo: "تحقق من الرمز، أو اطلب من الإدارة إضافة الصنف.",
    priceChanged: "الإجمالي الآن {total} وليس {expected}.",
    priceChangedDo: "أخبر الزبون، ثم خذ الإجمالي الجديد أو ارجع إلى السلة.",
    takeTotal: "خذ {total}",
    storage: "قرص البوابة لم يقبل البيع.",
    storageDo: "لم يُسجل شيء. أفرغ مكاناً على البوابة ثم سجّل مرة أخرى.",
    stopped: "هذه البوابة لا تبيع الآن.",
    stoppedDo: "لم يُسجل شيء. السلة باقية هنا؛ وفي صفحة الحالة المزيد.",
    busy: "البوابة مشغولة. حاول مرة أخرى.",
    refused: "البوابة ترفض هذا.",
    said: "{detail}",
    noAnswer: "البوابة لا تجيب.",
    noAnswerDo: "لم يُضف شيء. حاول مرة أخرى.",
    noStore: "هذا المتصفح لا يحفظ شيئاً، فلم يُرسل البيع.",
    noStoreDo: "اخرج من التصفح الخاص، أو أفرغ مكاناً على هذا الجهاز.",
    live: "متصل بالبوابة",
    lost: "لا اتصال بالبوابة. تُعاد المحاولة.",
  },
};

/** The language to begin with: what was chosen before, else the browser's, else English. */
export function firstLanguage(chosen, preferred) {
  const wanted = [chosen, ...preferred].map((tag) => tag?.split("-")[0]);
  return wanted.find((tag) => tag in LANGUAGES) ?? "en";
}

/** The reader's own region of a language, which knows his digits; else the language as such. */
export function localeOf(language, preferred) {
  return preferred.find((tag) => tag.split("-")[0] === language) ?? language;
}

/** A speaker of one language. */
export function speakerOf(language) {
  const table = WORDS[language];
  const plurals = new Intl.PluralRules(language);

  function form({ key, count }) {
    const words = table[key];
    if (typeof words === "string") return words;
    // "None left" is a form of its own also where the language's grammar has none for zero.
    const category = count === 0 && "zero" in words ? "zero" : plurals.select(count);
    return words[category] ?? words.other;
  }

  function nodes(message) {
    if (message.list !== undefined) return joined(message.list);
    const parts = form(message).split(/\{(\w+)\}/);
    return parts.flatMap((part, at) => at % 2 === 0 ? (part === "" ? [] : [part]) : value(message.values[part]));
  }

  function joined(list) {
    const { join, end } = LANGUAGES[language];
    return [...list.flatMap((one, at) => at === 0 ? nodes(one) : [join, ...nodes(one)]), end];
  }

  function value(given) {
    if (typeof given === "object") return nodes(given);
    const isolate = document.createElement("bdi");
    isolate.textContent = given;
    return [isolate];
  }

  return {
    /** Puts a message into an element; nothing is touched when it says that already. */
    say(element, message) {
      const fresh = document.createElement(element.localName);
      fresh.append(...nodes(message));
      if (fresh.innerHTML !== element.innerHTML) element.replaceChildren(...fresh.childNodes);
    },
    /** A message as bare text, for attributes, which nobody sees. */
    text: (message) => nodes(message).map((node) => node.textContent ?? node).join(""),
  };
}
