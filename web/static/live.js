/** `/v1/live`: what the program tells this page without being asked; comes back by itself. */

const RETRY_MS = 2_000;

/**
 * Listens until `stop` is called.
 *
 * A browser cannot set a header for a WebSocket, so the token goes as one more subprotocol.
 *
 * @param {string} token
 * @param {(message: object) => void} hear
 * @param {(connected: boolean) => void} changed
 */
export function listen(token, hear, changed) {
  const address = new URL("/v1/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  let socket = null;
  let retry = null;
  let stopped = false;

  function open() {
    socket = new WebSocket(address, ["countertop.live", `countertop.bearer.${token}`]);
    socket.addEventListener("open", () => changed(true));
    socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      if (stopped) return;
      changed(false);
      retry = setTimeout(open, RETRY_MS);
    });
  }

  open();
  return {
    stop() {
      stopped = true;
      clearTimeout(retry);
      socket.close();
    },
  };
}

/**
 * A reader for news: one reading at a time, and once more when there was more news meanwhile.
 *
 * @param {() => Promise<void>} read
 * @param {() => boolean} goesOn  whether there is still anybody to read for
 * @param {number} restMs  how long to let be between two readings of a burst
 * @returns {() => Promise<void>} done when a reading that began after the call is over
 */
export function followed(read, goesOn, restMs = 0) {
  let asked = []; // who waits for a reading that has not begun
  let isRunning = false;

  function end(served) {
    for (const done of served.splice(0)) done();
  }

  async function run() {
    isRunning = true;
    await null; // whoever asks in the same moment is served by the same reading
    while (asked.length > 0 && goesOn()) {
      const served = asked;
      asked = [];
      try {
        await read();
      } finally {
        end(served);
      }
      if (asked.length > 0 && restMs > 0) await new Promise((rested) => setTimeout(rested, restMs));
    }
    isRunning = false;
    end(asked);
  }

  return () => new Promise((done) => {
    asked.push(done);
    if (!isRunning) run();
  });
}
