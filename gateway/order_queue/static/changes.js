/** What changed between two readings of the list that the team has to hear of. Pure. */

const CALLED_OFF = new Set(["cancelled", "released"]);

/**
 * Messages about what nobody on this page did.
 *
 * @param {Map} before  orders by id, as they were
 * @param {Map} after   the same, as they are
 * @param {(id: string) => boolean} isOwn  an event for that order is on its way from here
 * @param {object} numbers
 */
export function changes(before, after, isOwn, numbers) {
  const told = [];
  for (const order of after.values()) {
    if (!before.has(order.id) && order.stage !== "done") told.push(arrived(order, numbers));
  }
  for (const order of before.values()) {
    if (order.stage === "done" || isOwn(order.id)) continue;
    const now = after.get(order.id);
    if (now === undefined || wasCalledOff(order, now)) told.push(calledOff(order));
  }
  return told;
}

/** The gateway itself gave back units of an order that waited here, because the hub asked for them. */
function wasCalledOff(order, now) {
  const known = new Set(order.events.map(({ id }) => id));
  const isAnswer = ({ id, type, actor }) => actor === "program" && CALLED_OFF.has(type) && !known.has(id);
  return now.events.some(isAnswer);
}

/** How many units an order still has here, pieces counted and what is weighed as one. */
export function unitsOf({ kept }) {
  return kept.reduce((sum, { unit, quantity }) => sum + (unit === "piece" ? quantity : 1), 0);
}

function arrived(order, numbers) {
  const units = unitsOf(order);
  return {
    order: order.id,
    tone: "good",
    message: {
      key: order.fulfilment.type === "pickup" ? "newPickup" : "newShip",
      count: units,
      values: { number: order.number, units: numbers.count(units) },
    },
  };
}

function calledOff({ id, number, kept }) {
  const isTaken = kept.some(({ picked }) => picked > 0);
  return { order: id, tone: "warn", message: { key: isTaken ? "calledOffPicked" : "calledOff", values: { number } } };
}
