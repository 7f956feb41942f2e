// The list of chats of one user, with what is unread.

import { clock, el, oncePerFrame, paintAvatar } from "./dom.js";

export class ChatList {
  /** `source()` gives {chats, open} as they are now; `choose(chatId)` opens one. */
  constructor(list, botId, { source, choose }) {
    Object.assign(this, { list, botId, source, choose, unread: new Map() });
    this.showSoon = oncePerFrame(() => this.show());
  }

  show() {
    const { chats, open } = this.source();
    const sorted = [...chats].sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
    const focused = this.list.querySelector(":focus")?.dataset.chat;
    this.list.replaceChildren(...sorted.map((chat) => el("li", {}, this.button(chat, open))));
    if (focused) this.list.querySelector(`[data-chat="${focused}"]`)?.focus();
  }

  button(chat, open) {
    const avatar = el("span", { class: "avatar", "aria-hidden": "true" });
    paintAvatar(avatar, chat.is_group ? chat.chat_id : this.botId, chat.title);
    const count = this.unread.get(chat.chat_id);
    return el(
      "button",
      {
        class: "chat-button",
        type: "button",
        "data-chat": String(chat.chat_id),
        "aria-current": chat.chat_id === open?.chat_id ? "true" : null,
        on: { click: () => this.choose(chat.chat_id) },
      },
      avatar,
      el("span", { class: "chat-title", dir: "auto" }, chat.title),
      el("time", {}, chat.time ? clock(chat.time) : ""),
      el("span", { class: "preview", dir: "auto" }, chat.text ?? "Nothing said yet"),
      count ? el("span", { class: "unread", "aria-label": `${count} unread` }, String(count)) : null,
    );
  }

  /** Take in what was said or changed in a chat; `isUnread` when nobody looks at it. */
  hear(chat, { kind }, message, isUnread) {
    if (kind !== "edit") {
      chat.time = message.timestamp;
      if (isUnread) this.unread.set(chat.chat_id, (this.unread.get(chat.chat_id) ?? 0) + 1);
    }
    if (kind !== "edit" || message.timestamp === chat.time) chat.text = message.body.text;
    this.showSoon();
  }

  focusOpen() {
    this.list.querySelector("[aria-current]")?.focus();
  }
}
