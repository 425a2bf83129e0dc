/** What is said of sales that the box before this one had booked: messages of `words.js`. Pure. */

/** Nothing to say. `refused` is the first sale that was not taken, `isWord` whether the token is a word. */
export const NOTHING = { handedIn: 0, waiting: 0, others: 0, dropped: 0, refused: null, isWord: false };

/** The sentences, in the order in which they matter; none where there is nothing to say. */
export function handingSentences({ handedIn, waiting, others, dropped, refused, isWord }, numbers) {
  const counted = [
    ["keptHandedIn", handedIn],
    [isWord ? "keptOnYourWord" : "keptWaiting", waiting],
    ["keptOfOthers", others],
    ["keptDropped", dropped],
  ].filter(([, count]) => count > 0)
    .map(([key, count]) => ({ key, count, values: { units: numbers.count(count) } }));
  const isNext = refused !== null && !(isWord && waiting > 0); // one thing at a time
  return [...counted, ...(isNext ? refusedSentences(refused, isWord, numbers) : [])];
}

function refusedSentences({ sale, refused }, isWord, numbers) {
  const total = numbers.money(sale.total_minor, sale.currency);
  return [
    { key: "keptRefused", values: { number: sale.number, total } },
    { key: "said", values: { detail: refused } },
    { key: isWord ? "keptDecide" : "keptRefusedDo" },
  ];
}
