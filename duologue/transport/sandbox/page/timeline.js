// The messages of one open chat. The page holds the newest ones and what "earlier"
// brought; while history is on its way, what happens waits in line behind it, so the
// last word about a message is always the newest.

import { el, oncePerFrame } from "./dom.js";
import { MessageView, tool } from "./message.js";

const PAGE = 50;
const MOST = 300; // nodes that stay while the chat runs on at its end
const NEAR = 80; // pixels from the end that count as "at the end"
const ANNOUNCED = 20;

export class Timeline {
  /** `parts` has list, scroller, earlier, jump and news; see MessageView for `actions`. */
  constructor(api, parts, actions) {
    Object.assign(this, { api, actions, ...parts });
    this.views = new Map();
    // Measuring and scrolling cost a layout each; a burst of messages needs one.
    this.settleSoon = oncePerFrame(() => {
      this.isSettling = false;
      if (this.isAtEnd) this.toEnd();
    });
    this.close();
    this.earlier.addEventListener("click", async () => {
      await this.loadEarlier();
      if (this.earlier.hidden) [...this.views.values()][0]?.article.focus({ preventScroll: true });
    });
    this.jump.addEventListener("click", () => {
      this.toEnd();
      [...this.views.values()].at(-1)?.article.focus({ preventScroll: true });
    });
    this.scroller.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("focusin", (event) => this.onFocus(event));
    this.list.addEventListener("click", (event) => this.pick(event.target));
    // The keyboard of a phone, a growing text field: the end stays in sight.
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.scroller);
  }

  close() {
    this.turn = (this.turn ?? 0) + 1;
    this.chatId = null;
    this.waiting = null;
    this.current = null;
    this.isAtEnd = true;
    this.views.clear();
    this.list.replaceChildren();
    this.earlier.hidden = true;
    this.jump.hidden = true;
  }

  async open(chatId, me) {
    this.close();
    Object.assign(this, { chatId, me });
    await this.load(async (turn) => {
      const page = await this.api.get(`/chats/${chatId}/history?limit=${PAGE}`);
      if (turn !== this.turn) return;
      for (const message of page.messages) this.append(message);
      this.earlier.hidden = page.is_all;
    });
    this.toEnd();
  }

  async loadEarlier() {
    const first = this.views.keys().next().value;
    if (this.waiting || first === undefined) return;
    await this.load(async (turn) => {
      const path = `/chats/${this.chatId}/history?limit=${PAGE}&before=${encodeURIComponent(first)}`;
      const page = await this.api.get(path);
      if (turn !== this.turn) return;
      const height = this.scroller.scrollHeight;
      const views = page.messages.map((message) => new MessageView(message, this.me, this.actions));
      this.list.prepend(...views.map((view) => view.node));
      this.views = new Map([...views.map((view) => [view.id, view]), ...this.views]);
      this.scroller.scrollTop += this.scroller.scrollHeight - height;
      this.earlier.hidden = page.is_all;
    });
  }

  async load(work) {
    const turn = this.turn;
    this.waiting = [];
    try {
      await work(turn);
    } catch (error) {
      this.actions.failed(error);
    } finally {
      if (turn === this.turn) {
        const missed = this.waiting;
        this.waiting = null;
        for (const item of missed) this.hear(item);
      }
    }
  }

  /** Take in what happened in this chat. */
  hear(item) {
    if (this.waiting) {
      this.waiting.push(item);
      return;
    }
    const { entry, message } = item;
    const view = this.views.get(entry.message_id);
    if (!message) {
      if (view) this.remove(view);
    } else if (view) {
      view.update(message);
      this.stayAtEnd();
    } else if (["message", "said"].includes(entry.kind) && this.isNew(message)) {
      this.append(message);
      this.announce(message);
      this.settle();
    }
  }

  /** Say what is no message; `traffic` names what the drawer shows about it. */
  note(text, { traffic = null, kind = "" } = {}) {
    const last = this.list.lastElementChild;
    const count = last?.dataset.note === text ? Number(last.dataset.count) + 1 : 1;
    if (count > 1) last.remove();
    const node = el("li", { class: `note ${kind}`, "data-note": text, "data-count": count });
    node.append(el("span", { dir: "auto" }, count > 1 ? `${text} ×${count}` : text));
    if (traffic) node.append(tool("wire", "Traffic", () => this.actions.trafficOf(traffic)));
    this.list.append(node);
    this.settle();
    return node;
  }

  append(message) {
    const view = new MessageView(message, this.me, this.actions);
    this.views.set(view.id, view);
    const last = this.list.lastElementChild;
    if (last?.dataset.sender === view.node.dataset.sender) view.node.classList.add("again");
    this.list.append(view.node);
    if (!this.list.contains(document.activeElement)) this.makeCurrent(view);
  }

  remove(view) {
    const next = view.node.nextElementSibling ?? view.node.previousElementSibling;
    const hadFocus = view.node.contains(document.activeElement);
    // The next message of the same sender now says who that is.
    if (!view.node.classList.contains("again")) view.node.nextElementSibling?.classList.remove("again");
    this.views.delete(view.id);
    view.node.remove();
    if (this.current !== view) return;
    const heir = this.views.get(next?.dataset.mid) ?? [...this.views.values()].at(-1);
    this.makeCurrent(heir ?? null);
    if (hadFocus) heir?.article.focus();
  }

  /** Ids of one chat have one length and grow. */
  isNew(message) {
    const first = this.views.keys().next().value;
    return first === undefined || message.body.mid > first;
  }

  settle() {
    if (this.isAtEnd) {
      this.trim();
      this.stayAtEnd();
    } else {
      this.jump.hidden = false;
    }
  }

  trim() {
    if (this.views.size <= MOST) return;
    for (const view of [...this.views.values()].slice(0, PAGE)) {
      if (view !== this.current) this.remove(view);
    }
    this.earlier.hidden = false;
  }

  /** Give what stands on a button now. */
  labelOf(mid, payload) {
    const buttons = this.views.get(mid)?.rows?.flat() ?? [];
    return buttons.find((one) => one.payload === payload)?.text ?? null;
  }

  isEmpty() {
    return this.list.querySelector("li:not(.bad)") === null && !this.waiting;
  }

  announce(message) {
    if (message.sender.user_id === this.me) return;
    this.say(`${message.sender.name}: ${message.body.text || "attachment"}`);
  }

  /** Have a line read out, once. */
  say(text) {
    this.news.append(el("p", {}, text));
    while (this.news.children.length > ANNOUNCED) this.news.firstChild.remove();
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.isAtEnd = true;
    this.jump.hidden = true;
  }

  stayAtEnd() {
    this.isSettling = true;
    this.settleSoon();
  }

  onScroll() {
    // Messages that came meanwhile make the end look far; nobody has scrolled away.
    if (this.isSettling && this.isAtEnd) return;
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.isAtEnd) this.jump.hidden = true;
  }

  makeCurrent(view) {
    this.current?.setCurrent(false);
    this.current = view;
    view?.setCurrent(true);
  }

  onFocus(event) {
    const view = this.views.get(event.target.closest("li")?.dataset.mid);
    if (view && view !== this.current) this.makeCurrent(view);
    if (event.target.matches(":focus-visible")) this.pick(event.target);
  }

  /**
   * Show what can be done with a message. A pointer picks with its click: what moves
   * already when it is pressed would move away from under it.
   */
  pick(target) {
    const line = target.closest("article") && !target.closest(".keyboard") && target.closest("li");
    if (!line || line.classList.contains("picked")) return;
    this.list.querySelector(".picked")?.classList.remove("picked");
    line.classList.add("picked");
    line.querySelector(".tools").scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    const ids = [...this.views.keys()];
    const at = ids.indexOf(this.current?.id);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: ids.length - 1 }[event.key];
    const view = this.views.get(ids[to]);
    if (!view) return;
    event.preventDefault();
    this.makeCurrent(view);
    view.article.focus();
  }
}
