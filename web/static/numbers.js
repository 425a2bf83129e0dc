/**
 * Money, quantities and times in the reader's script, and typed money back into minor units. Pure.
 *
 * Decimals are ISO 4217's, handed in: browsers count them as the CLDR does, which shows the Iraqi
 * and Syrian currencies without their minor unit.
 */

const LINE = 15; // the longest run of digits that is exact in a number

/** A reader of one locale in one shop: `decimals` by currency code, `timeZone` the shop's. */
export function numbersFor(locale, { decimals, timezone }) {
  const plain = new Intl.NumberFormat(locale);
  const shares = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 4 });
  const bare = new Intl.NumberFormat(locale, { useGrouping: false });
  const clock = { timeZone: timezone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const times = new Intl.DateTimeFormat(locale, clock);
  const dates = new Intl.DateTimeFormat(locale, { ...clock, day: "numeric", month: "short" });
  const spans = Object.fromEntries(["minute", "hour", "day"].map((unit) => [
    unit, new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }),
  ]));
  const days = new Intl.DateTimeFormat("en-CA", { timeZone: timezone });
  const calendar = new Intl.DateTimeFormat(locale, { timeZone: "UTC", dateStyle: "medium" });

  function digitsOf(currency) {
    const digits = decimals[currency] ?? 2;
    return { minimumFractionDigits: digits, maximumFractionDigits: digits };
  }

  /** An exact decimal text: a float cannot hold every amount that a sale can. */
  function decimal(minor, digits) {
    const text = String(Math.abs(minor)).padStart(digits + 1, "0");
    const cut = text.length - digits;
    return `${minor < 0 ? "-" : ""}${text.slice(0, cut)}${digits ? "." : ""}${text.slice(cut)}`;
  }

  return {
    count: (number) => plain.format(number),
    /** "15%": a share that is written as a decimal, "0.15". */
    percent: (share) => shares.format(share),
    /** Digits alone, for fields. */
    digits: (number) => bare.format(number),
    /** "$3.45": the amount with its currency. */
    money: (minor, currency) =>
      new Intl.NumberFormat(locale, { style: "currency", currency, ...digitsOf(currency) })
        .format(decimal(minor, decimals[currency] ?? 2)),
    /** "3.45": the amount alone, for columns of one currency. */
    amount: (minor, currency) =>
      new Intl.NumberFormat(locale, digitsOf(currency))
        .format(decimal(minor, decimals[currency] ?? 2)),
    /** "10:42", or with its day when that is not today's (`nowMs`), by the shop's clock. */
    time(moment, nowMs) {
      const ms = Date.parse(moment);
      return (days.format(ms) === days.format(nowMs) ? times : dates).format(ms);
    },
    /** "12 min", "3 hr", "2 days": a span in its largest whole unit; hours up to two days. */
    age(ms) {
      const minutes = Math.max(0, Math.floor(ms / 60_000));
      if (minutes < 60) return spans.minute.format(minutes);
      if (minutes < 2 * 24 * 60) return spans.hour.format(Math.floor(minutes / 60));
      return spans.day.format(Math.floor(minutes / (24 * 60)));
    },
    /** "Jan 31, 2027": a date that has no time and no zone, as "2027-01-31". */
    day: (date) => calendar.format(Date.parse(date)),
    parseMoney: (text, currency) => parseMoney(text, decimals[currency] ?? 2),
  };
}

/** Arabic-Indic and Persian digits as 0-9; all else as it was. */
export function latinDigits(text) {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));
}

/**
 * A typed amount in minor units, or null for what is none.
 *
 * One separator at most, and it is the decimal one: "1,000" is one dinar in Kuwait and nothing at
 * all in dollars, never a thousand.
 */
export function parseMoney(text, digits) {
  const found = /^(\d+)(?:[.,\u066b](\d*))?$/.exec(latinDigits(text.trim()));
  if (found === null) return null;
  const [, whole, part = ""] = found;
  if (part.length > digits || whole.length + digits > LINE) return null;
  return Number(whole + part.padEnd(digits, "0"));
}

/** A typed count, or null. */
export function parseCount(text) {
  const digits = latinDigits(text.trim());
  return /^\d{1,10}$/.test(digits) ? Number(digits) : null;
}

/** Whether digits have the length and the check digit of a GTIN: probably scanned, not typed. */
export function looksScanned(text) {
  if (!/^(\d{8}|\d{12,14})$/.test(text)) return false;
  const digits = [...text].reverse().map(Number);
  return digits.reduce((sum, digit, at) => sum + digit * (at % 2 ? 3 : 1), 0) % 10 === 0;
}
