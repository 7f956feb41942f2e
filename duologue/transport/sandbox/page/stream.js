// One stream for the whole page. It resumes behind the last entry it saw, so that
// a lost connection loses nothing, and drops what it has seen, so nothing comes twice.

import { Refused } from "./api.js";

const PAUSES = [0.2, 0.5, 1, 2, 4]; // seconds between attempts
const SILENCE = 25_000; // the sandbox says something every ten seconds

/**
 * Follow the sandbox until it refuses the token.
 *
 * `listener` has hello({run, is_fresh}), state(counts), commands(list),
 * entry({entry, message}) and connection(name) with "open" or "lost".
 */
export async function follow(api, listener) {
  let run = null;
  let last = null;
  let failures = 0;

  const hear = async (kind, data) => {
    if (kind === "hello") {
      failures = 0;
      run = data.run;
      if (data.is_fresh) last = data.after;
      listener.connection("open");
      listener.hello(data);
    } else if (kind === "state") {
      await listener.state(data); // a new chat is known before its first message
    } else if (kind === "commands") {
      listener.commands(data.commands);
    } else if (kind === "entry" && data.entry.seq > last) {
      last = data.entry.seq;
      listener.entry(data);
    }
  };

  for (;;) {
    try {
      const query = run === null ? "" : `?after=${last}&run=${encodeURIComponent(run)}`;
      await readStream(api, `/stream${query}`, hear);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) throw error;
    }
    listener.connection("lost");
    await pause(PAUSES[Math.min(failures++, PAUSES.length - 1)] * 1000);
  }
}

async function readStream(api, path, hear) {
  const abort = new AbortController();
  let watchdog;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort.abort(), SILENCE);
  };
  alive();
  try {
    const response = await api.request(path, { signal: abort.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) await readBlock(block, hear);
    }
  } finally {
    clearTimeout(watchdog);
    abort.abort();
  }
}

async function readBlock(block, hear) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  if (fields.event) await hear(fields.event, JSON.parse(fields.data));
}

/** Wait, but not while the network is known to have come back. */
function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
  });
}
