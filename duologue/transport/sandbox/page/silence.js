// Says when nothing comes back from the bot. The wire has no word for a handler that
// failed, so a user would see nothing at all; who works on the bot is told where to look.

const PATIENCE = 8000;
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
    const wait = { note: null, timer: setTimeout(() => this.say(wait, entry, what), PATIENCE) };
    this.waits.set(entry.chat_id, wait);
  }

  say(wait, entry, what) {
    const short = what.length > SHOWN ? `${what.slice(0, SHOWN)}…` : what;
    const text =
      entry.position < this.committed()
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
    clearTimeout(wait.timer);
    wait.note?.remove();
    this.waits.delete(chatId);
  }

  endAll() {
    for (const chatId of [...this.waits.keys()]) this.end(chatId);
  }
}
