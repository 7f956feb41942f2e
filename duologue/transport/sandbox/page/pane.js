// One user's messenger: the list of chats, the open chat, and what the user does.

import { Composer } from "./composer.js";
import { clock, el, oncePerFrame, oneAtATime, paintAvatar } from "./dom.js";
import { Timeline } from "./timeline.js";

const TOAST = 6000;
const TYPING = 5000;

export class Pane {
  /** `app` has api, bot, fileLimit, users(), newUser(), newGroup(user), traffic(mid). */
  constructor(app, number) {
    this.app = app;
    this.number = number;
    this.user = null;
    this.chats = [];
    this.open = null;
    this.unread = new Map();
    this.showChatsSoon = oncePerFrame(() => this.showChats());
    this.node = document.getElementById("pane").content.cloneNode(true).firstElementChild;
    this.node.setAttribute("aria-label", number ? "Second user" : "First user");
    this.timeline = new Timeline(
      app.api,
      {
        list: this.part(".messages"),
        scroller: this.part(".scroll"),
        earlier: this.part(".earlier"),
        jump: this.part(".jump"),
        news: this.part(".news"),
      },
      this,
    );
    this.composer = new Composer(this.part(".composer"), (said) => this.send(said), app.fileLimit);
    this.listen();
  }

  part(selector) {
    return this.node.querySelector(selector);
  }

  listen() {
    const on = (type, selector, act) =>
      this.part(selector).addEventListener(type, oneAtATime(() => this.attempt(act)));
    const click = (selector, act) => on("click", selector, act);
    this.part(".user").addEventListener("change", (event) =>
      this.attempt(() => this.become(Number(event.target.value))),
    );
    click(".add-user", async () => {
      const made = await this.app.newUser();
      if (made != null) await this.become(made);
    });
    click(".add-group", async () => {
      const chatId = await this.app.newGroup(this.user);
      if (chatId != null) await this.show(chatId);
    });
    click(".back", () => this.leave());
    // Who works in the chat keeps it when the pane becomes too narrow for both.
    this.part(".chat").addEventListener("focusin", () => this.node.classList.add("in-chat"));
    click(".start", () => this.startOrStop("start"));
    click(".stop", () => this.startOrStop(this.open.is_suspended ? "start" : "stop"));
    on("submit", ".nobody form", async () => {
      const { name } = this.part(".nobody form").elements;
      await this.become(await this.app.addUser(name.value));
      name.value = "";
    });
  }

  /** Do something; what goes wrong is told, not lost. */
  async attempt(act) {
    try {
      return await act();
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  // Who, and which chat.

  showUsers() {
    const users = this.app.users();
    const select = this.part(".user");
    select.replaceChildren(...users.map((user) => el("option", { value: user.user_id }, user.name)));
    this.part(".nobody").hidden = users.length > 0;
    this.part(".side").hidden = this.part(".chat").hidden = users.length === 0;
    if (users.some((user) => user.user_id === this.user)) select.value = this.user;
  }

  async become(userId) {
    this.user = userId;
    this.app.remember(this.number, userId);
    this.unread.clear();
    this.open = null;
    this.stopTyping();
    this.timeline.close();
    this.showUsers();
    const user = this.app.users().find((one) => one.user_id === userId);
    paintAvatar(this.part(".who .avatar"), userId, user?.name ?? "?");
    await this.loadChats();
    const dialog = this.chats.find((chat) => !chat.is_group);
    await this.show(dialog?.chat_id ?? null, { enters: false });
  }

  async loadChats() {
    const user = this.user;
    if (user === null) return;
    const { chats } = await this.app.api.get(`/users/${user}/chats`);
    if (user !== this.user) return;
    // A user who never wrote has no dialog yet; show where it will be.
    const fresh = { chat_id: null, title: this.app.bot.name, is_group: false, members: [user], text: null };
    this.chats = chats.some((chat) => !chat.is_group) ? chats : [fresh, ...chats];
    if (this.open) {
      const { chat_id: id, is_group: isGroup } = this.open;
      this.open = this.chats.find((chat) => chat.chat_id === id) ?? this.open;
      if (id === null && !isGroup && this.chats[0].chat_id !== null) await this.adopt();
    }
    this.showChats();
    if (this.open) this.showHead();
  }

  /** The dialog that was fresh a moment ago exists now. */
  async adopt() {
    this.open = this.chats.find((chat) => !chat.is_group);
    await this.timeline.open(this.open.chat_id, this.user);
    for (const view of this.timeline.views.values()) this.timeline.announce(view.message);
  }

  showChats() {
    const sorted = [...this.chats].sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
    const list = this.part(".chats");
    const focused = list.querySelector(":focus")?.dataset.chat;
    list.replaceChildren(...sorted.map((chat) => el("li", {}, this.chatButton(chat))));
    if (focused) list.querySelector(`[data-chat="${focused}"]`)?.focus();
  }

  chatButton(chat) {
    const avatar = el("span", { class: "avatar", "aria-hidden": "true" });
    paintAvatar(avatar, chat.is_group ? chat.chat_id : this.app.bot.user_id, chat.title);
    const count = this.unread.get(chat.chat_id);
    return el(
      "button",
      {
        class: "chat-button",
        type: "button",
        "data-chat": String(chat.chat_id),
        "aria-current": chat.chat_id === this.open?.chat_id ? "true" : null,
        on: { click: () => this.show(chat.chat_id) },
      },
      avatar,
      el("span", { class: "chat-title", dir: "auto" }, chat.title),
      el("time", {}, chat.time ? clock(chat.time) : ""),
      el("span", { class: "preview", dir: "auto" }, chat.text ?? "Nothing said yet"),
      count ? el("span", { class: "unread", "aria-label": `${count} unread` }, String(count)) : null,
    );
  }

  async show(chatId, { enters = true } = {}) {
    if (!this.chats.some((chat) => chat.chat_id === chatId)) await this.loadChats();
    this.open = this.chats.find((chat) => chat.chat_id === chatId) ?? this.chats[0];
    this.unread.delete(chatId);
    this.stopTyping();
    this.node.classList.toggle("in-chat", enters);
    this.composer.clearContext();
    this.showChats();
    if (this.open.chat_id === null) this.timeline.close();
    else await this.timeline.open(this.open.chat_id, this.user);
    this.showHead();
    if (enters) this.focusField();
  }

  /** Let the user write, but not away from another pane or the drawer. */
  focusField() {
    const at = document.activeElement;
    if (at === document.body || this.node.contains(at)) this.composer.field.focus();
  }

  leave() {
    this.node.classList.remove("in-chat");
    this.part(".chats [aria-current]")?.focus();
  }

  showHead() {
    const { title, is_group: isGroup, is_suspended: isSuspended, members, chat_id: id } = this.open;
    this.part(".title").textContent = title;
    this.part(".messages").classList.toggle("in-dialog", !isGroup);
    paintAvatar(this.part(".head .avatar"), isGroup ? id : this.app.bot.user_id, title);
    if (!this.typing) {
      this.part(".subtitle").textContent = isGroup ? this.memberNames(members) : isSuspended ? "stopped" : "bot";
    }
    const stop = this.part(".stop");
    stop.hidden = isGroup || id === null;
    stop.textContent = isSuspended ? "Start again" : "Stop bot";
    this.showFresh();
  }

  showFresh() {
    const isEmpty = this.timeline.isEmpty();
    this.part(".fresh").hidden = !isEmpty;
    this.part(".start").hidden = this.open.is_group;
    this.part(".fresh p").textContent = this.app.hint(this.open.is_group);
  }

  memberNames(members) {
    const names = this.app.users().filter((user) => members.includes(user.user_id));
    return [this.app.bot.name, ...names.map((user) => user.name)].join(", ");
  }

  // What the user does.

  async startOrStop(act) {
    const { user } = this;
    const outcome = await this.app.api.act(act, { user_id: user });
    await this.loadChats();
    await this.enter(user, outcome.chat_id);
    this.focusField();
  }

  async send({ text, file, reply }) {
    if (!this.open) return false; // the chats of this user are still on their way
    const { user } = this;
    const where = { user_id: user, chat_id: this.open.chat_id, reply_to: reply };
    const { api } = this.app;
    const outcome = await this.attempt(() =>
      file ? api.sendFile(file, { ...where, text }) : api.act("say", { ...where, text }),
    );
    if (!outcome) return false;
    await this.attempt(() => this.enter(user, outcome.chat_id));
    this.timeline.toEnd();
    return true;
  }

  /** Open the dialog that has just begun, unless the user has gone elsewhere meanwhile. */
  async enter(user, chatId) {
    if (this.user === user && this.open?.chat_id === null) await this.show(chatId);
  }

  press(view, row, col, button) {
    view.showPending([...(view.message.pending ?? []), { user_id: this.user, payload: button.payload }]);
    const click = { user_id: this.user, message_id: view.id, row, col, text: button.text, payload: button.payload };
    return this.attempt(() => this.app.api.act("click", click)).then((outcome) => {
      if (!outcome) view.showPending(view.message.pending);
    });
  }

  reply(view) {
    this.composer.reply(view);
  }

  traffic(view) {
    this.app.traffic(view.id);
  }

  copy(text) {
    return this.attempt(async () => {
      await navigator.clipboard.writeText(text);
      this.toast("Copied");
    });
  }

  save(token, name) {
    return this.attempt(async () => {
      const href = URL.createObjectURL(await this.app.api.file(token));
      el("a", { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
    });
  }

  async picture(frame, token, sender) {
    try {
      const src = URL.createObjectURL(await this.app.api.file(token));
      const picture = el("img", { src, alt: `Picture from ${sender}` });
      picture.addEventListener("load", () => {
        URL.revokeObjectURL(src);
        this.timeline.stayAtEnd();
      });
      frame.replaceChildren(picture);
    } catch (error) {
      frame.replaceChildren(el("span", { class: "file" }, `Picture: ${error.message}`));
    }
  }

  // What happens.

  hear(item) {
    const { entry, message } = item;
    if (["refused", "fault"].includes(entry.kind)) return this.hearRefusal(entry);
    const chat = this.chats.find((one) => one.chat_id === entry.chat_id && one.chat_id !== null);
    if (!chat) return undefined;
    const isOpen = chat === this.open;
    if (isOpen) this.hearInside(entry, item);
    if (message && ["message", "said", "edit"].includes(entry.kind)) {
      this.preview(chat, entry, message, isOpen);
    }
    return undefined;
  }

  hearInside(entry, item) {
    if (entry.message_id) this.timeline.hear(item);
    if (entry.kind === "notification" && entry.user_id === this.user) this.hearNotification(entry);
    if (entry.kind === "action" && entry.text === "typing_on") this.showTyping();
    if (entry.kind === "message") this.stopTyping();
    if (["started", "stopped"].includes(entry.kind)) this.hearStart(entry);
    this.showFresh();
  }

  /** A blank notification only ends the wait for an answer. */
  hearNotification({ text }) {
    if (text?.trim()) this.toast(text);
  }

  hearStart(entry) {
    this.open.is_suspended = entry.kind === "stopped";
    const deepLink = entry.text ? ` with “${entry.text}”` : "";
    this.timeline.note(entry.kind === "started" ? `You pressed Start${deepLink}` : "You stopped the bot");
    this.showHead();
  }

  hearRefusal({ chat_id: chatId, kind, status, code, request, text }) {
    if (chatId !== null && chatId !== this.open?.chat_id) return;
    const what = kind === "fault" ? `A fault (${code}) met ${request}` : `The bot was refused: ${request} → ${status} ${code}`;
    this.toast(text ? `${what}. ${text}` : what, "bad");
  }

  preview(chat, entry, message, isOpen) {
    if (entry.kind !== "edit") {
      chat.time = message.timestamp;
      if (!isOpen && message.sender.user_id !== this.user) {
        this.unread.set(chat.chat_id, (this.unread.get(chat.chat_id) ?? 0) + 1);
      }
    }
    if (entry.kind !== "edit" || message.timestamp === chat.time) chat.text = message.body.text;
    this.showChatsSoon();
  }

  showTyping() {
    clearTimeout(this.typing);
    this.part(".subtitle").textContent = "typing…";
    this.typing = setTimeout(() => this.stopTyping(), TYPING);
  }

  stopTyping() {
    clearTimeout(this.typing);
    this.typing = null;
    if (this.open) this.showHead();
  }

  failed(error) {
    this.app.failed(error);
    this.toast(error.message, "bad");
  }

  /** Show a line for a while; the same line again counts instead of piling up. */
  toast(text, kind = "plain") {
    const stack = this.part(".toasts");
    const twin = [...stack.children].find((one) => one.dataset.text === text);
    const count = Number(twin?.dataset.count ?? 0) + 1;
    twin?.remove();
    const node = el("p", { class: `toast ${kind}`, dir: "auto", "data-text": text, "data-count": count }, text);
    if (count > 1) node.append(el("b", {}, ` ×${count}`));
    stack.append(node);
    while (stack.children.length > 3) stack.firstChild.remove();
    setTimeout(() => node.remove(), TOAST);
  }
}
