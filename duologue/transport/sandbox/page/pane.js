// One user's messenger: the list of chats, the open chat, and what the user does.

import { ChatList } from "./chats.js";
import { Composer } from "./composer.js";
import { el, oneAtATime, paintAvatar } from "./dom.js";
import { Silence } from "./silence.js";
import { Timeline } from "./timeline.js";
import { toast } from "./toasts.js";

const TYPING = 5000;

export class Pane {
  /**
   * `app` has api, bot, fileLimit, hasBot, botCommands, committed, users(), addUser(name),
   * newUser(), newGroup(user), traffic(mid), hint(isGroup), play(number, user), isPlayed(user, number).
   */
  constructor(app, number) {
    this.app = app;
    this.number = number;
    this.user = null;
    this.chats = [];
    this.open = null;
    this.node = document.getElementById("pane").content.cloneNode(true).firstElementChild;
    this.node.setAttribute("aria-label", number ? "Second user" : "First user");
    const who = number ? "the second user" : "the first user";
    this.part("nav").setAttribute("aria-label", `Chats of ${who}`);
    this.part(".composer").setAttribute("aria-label", `Write as ${who}`);
    this.part(".nobody form").setAttribute("aria-label", `Name of ${who}`);
    this.list = new ChatList(this.part(".chats"), app.bot.user_id, {
      source: () => this,
      choose: (chatId) => this.attempt(() => this.show(chatId)),
    });
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
    this.composer = new Composer(this.part(".composer"), {
      send: (said) => this.send(said),
      commands: () => app.botCommands,
      limit: app.fileLimit,
    });
    this.silence = new Silence(
      (chatId, text) => (chatId === this.open?.chat_id && app.hasBot ? this.timeline.note(text) : null),
      () => app.committed,
    );
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
      if (made != null) await this.become(made, { enters: true });
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
      await this.become(await this.app.addUser(name.value), { enters: true });
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
    select.replaceChildren(
      ...users.map((user) => {
        // Two panes of one user would only mirror each other.
        const isTaken = this.app.isPlayed(user.user_id, this.number);
        return el("option", { value: user.user_id, disabled: isTaken }, user.name);
      }),
    );
    this.part(".nobody").hidden = users.length > 0;
    this.part(".side").hidden = this.part(".chat").hidden = users.length === 0;
    if (users.some((user) => user.user_id === this.user)) select.value = this.user;
    if (users.length === 0) this.focusIfFree(this.part(".nobody input"));
  }

  async become(userId, { enters = false } = {}) {
    this.user = userId;
    this.app.play(this.number, userId);
    this.silence.endAll();
    this.list.unread.clear();
    this.open = null;
    this.stopTyping();
    this.timeline.close();
    this.showUsers();
    const user = this.app.users().find((one) => one.user_id === userId);
    paintAvatar(this.part(".who .avatar"), userId, user?.name ?? "?");
    await this.loadChats();
    const dialog = this.chats.find((chat) => !chat.is_group);
    await this.show(dialog?.chat_id ?? null, { enters });
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
    this.list.show();
    if (this.open) this.showHead();
  }

  /** The dialog that was fresh a moment ago exists now. */
  async adopt() {
    this.open = this.chats.find((chat) => !chat.is_group);
    await this.timeline.open(this.open.chat_id, this.user);
    for (const view of this.timeline.views.values()) this.timeline.announce(view.message);
  }

  async show(chatId, { enters = true } = {}) {
    if (!this.chats.some((chat) => chat.chat_id === chatId)) await this.loadChats();
    this.open = this.chats.find((chat) => chat.chat_id === chatId) ?? this.chats[0];
    this.list.unread.delete(chatId);
    this.stopTyping();
    this.node.classList.toggle("in-chat", enters);
    this.composer.clearContext();
    this.list.show();
    if (this.open.chat_id === null) this.timeline.close();
    else await this.timeline.open(this.open.chat_id, this.user);
    this.showHead();
    if (enters || this.part(".chat").checkVisibility()) this.focusNext();
  }

  /** Lead to what comes next: Start, or the field to write in. */
  focusNext() {
    const start = this.part(".start");
    this.focusIfFree(start.checkVisibility() && !start.disabled ? start : this.composer.field);
  }

  /** Focus something, but call nobody away from another pane, a dialog or the drawer. */
  focusIfFree(node) {
    const at = document.activeElement;
    if (at === document.body || at.id === "two" || this.node.contains(at)) node.focus();
  }

  leave() {
    this.node.classList.remove("in-chat");
    this.list.focusOpen();
  }

  showHead() {
    const { title, is_group: isGroup, is_suspended: isSuspended, members, chat_id: id } = this.open;
    this.part(".title").textContent = title;
    this.part(".messages").classList.toggle("in-dialog", !isGroup);
    paintAvatar(this.part(".head .avatar"), isGroup ? id : this.app.bot.user_id, title);
    if (!this.typing) {
      this.part(".subtitle").textContent = isGroup ? this.memberNames(members) : isSuspended ? "blocked" : "bot";
    }
    const stop = this.part(".stop");
    stop.hidden = isGroup || id === null;
    stop.textContent = isSuspended ? "Start again" : "Block bot";
    stop.title = isSuspended
      ? "Sends bot_started; the bot may write here again"
      : "Sends bot_stopped; the bot may not write here until you start it again. Its program runs on.";
    this.showFresh();
  }

  showFresh() {
    const start = this.part(".start");
    const hadFocus = start === document.activeElement;
    this.part(".fresh").hidden = !this.timeline.isEmpty();
    start.hidden = this.open.is_group;
    start.disabled = !this.app.hasBot;
    if (hadFocus && (start.disabled || !start.checkVisibility())) this.composer.field.focus();
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
    this.focusIfFree(this.composer.field);
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

  trafficOf(name) {
    this.app.traffic(name);
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
    this.silence.heard(entry);
    if (entry.user_id === this.user) this.ask(entry, chat);
    if (isOpen) this.hearInside(entry, item);
    if (message && ["message", "said", "edit"].includes(entry.kind)) {
      this.list.hear(chat, entry, message, !isOpen && message.sender.user_id !== this.user);
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

  /** What asks the bot for something; in a group it need not answer what is said. */
  ask(entry, chat) {
    if (entry.kind === "said" && !chat.is_group) this.silence.asked(entry, entry.text || "the file");
    if (entry.kind === "started") this.silence.asked(entry, "Start");
    if (entry.kind === "clicked") {
      this.silence.asked(entry, this.timeline.labelOf(entry.message_id, entry.payload) ?? "the press");
    }
    if (entry.kind === "stopped") this.silence.end(entry.chat_id);
  }

  /** A blank notification only ends the wait for an answer. */
  hearNotification({ text }) {
    if (text?.trim()) this.toast(text);
  }

  hearStart(entry) {
    this.open.is_suspended = entry.kind === "stopped";
    const deepLink = entry.text ? ` with “${entry.text}”` : "";
    const text = entry.kind === "started" ? `You pressed Start${deepLink}` : "You blocked the bot";
    this.timeline.note(text, { traffic: `update.${entry.position}` });
    this.showHead();
  }

  /** It stays in its chat, where the drawer shows more; what has no chat is said for a while. */
  hearRefusal({ seq, chat_id: chatId, message_id: mid, kind, status, code, request, text }) {
    this.silence.heard({ kind, chat_id: chatId });
    const what = kind === "fault" ? `A fault (${code}) met ${request}` : `The bot was refused: ${request} → ${status} ${code}`;
    const said = text ? `${what}. ${text}` : what;
    if (chatId === null) this.toast(said, "bad");
    else if (chatId === this.open?.chat_id) {
      this.timeline.note(said, { kind: "bad", traffic: mid ?? `entry.${seq}` });
      this.timeline.say(said);
      this.showFresh();
    }
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

  toast(text, kind) {
    toast(this.part(".toasts"), text, kind);
  }
}
