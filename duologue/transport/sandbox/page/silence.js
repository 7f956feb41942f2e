// Says when nothing comes back from the bot. The wire has no word for a handler that
// failed, so a user would see nothing at all; who works on the bot is told where to look.
// A bot that has taken an update shows what came of it at once, unless it is a slow one.

const PATIENCE = 8000;
const AFTERWARDS = 2000;
const LOOK = 500;
const SHOWN = 40;
const SIGNS = new Set(["message", "edit", "delete", "action", "refused", "fault"]);

export class Silence {
  /** `tell(chatId, text)` shows a note and returns its node; `committed()` is the first position that the bot has not taken. */
  constructor(tell, committed) {
    Object.assign(this, { tell, committed, waits: new Map() });
  }

  /** The user has asked for something. */
  asked(entry, what) {
    this.end(entry.chat_id);
    const wait = { entry, what, note: null, since: Date.now(), taken: null };
    wait.timer = setInterval(() => this.look(wait), LOOK);
    this.waits.set(entry.chat_id, wait);
  }

  look(wait) {
    const now = Date.now();
    if (wait.entry.position < this.committed()) wait.taken ??= now;
    const isOver = now - wait.since >= PATIENCE;
    if (isOver || (wait.taken !== null && now - wait.taken >= AFTERWARDS)) this.say(wait);
  }

  say(wait) {
    const { entry, what, taken } = wait;
    clearInterval(wait.timer);
    const short = what.length > SHOWN ? `${what.slice(0, SHOWN)}…` : what;
    const text =
      taken !== null
        ? `The bot has taken “${short}” and shown nothing. If that is a surprise, its terminal says why.`
        : `Nothing has come back for “${short}” yet. The terminal of the bot says what it does.`;
    wait.note = this.tell(entry.chat_id, text);
  }

  /** The bot did something; a blank notification is nothing to see. */
  heard({ kind, chat_id: chatId, text }) {
    if (SIGNS.has(kind) || (kind === "notification" && text?.trim())) this.end(chatId);
  }

  end(chatId) {
    const wait = this.waits.get(chatId);
    if (!wait) return;
    clearInterval(wait.timer);
    wait.note?.remove();
    this.waits.delete(chatId);
  }

  endAll() {
    for (const chatId of [...this.waits.keys()]) this.end(chatId);
  }
}
