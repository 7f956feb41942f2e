// The page: takes the token out of the address, follows the sandbox, and gives what
// happens to one or two panes.

import { Api, Refused } from "./api.js";
import { askGroup, askToken, askUser } from "./dialogs.js";
import { oneAtATime } from "./dom.js";
import { Drawer } from "./drawer.js";
import { Pane } from "./pane.js";
import { follow } from "./stream.js";

const TOKEN = "duologue.token";
const USER = "duologue.user";
const REASON = "duologue.reason";
const UNKNOWN_TOKEN = "The sandbox does not know this token. Paste the control token that it printed when it started.";
const COPIED = 2000;
const GRACE = 5000; // a bot is away between two polls; that is not worth a word

class App {
  constructor(api, me) {
    Object.assign(this, { api, bot: me.bot, fileLimit: me.file_limit, known: [], panes: [], botCommands: [] });
    this.hasBot = false;
    this.committed = 0;
    this.drawer = new Drawer(api, {
      failed: (error) => this.panes[0].failed(error),
      leave: () => this.panes[0].focusNext(),
    });
    this.two = document.getElementById("two");
    this.two.hidden = false;
    this.two.addEventListener("click", oneAtATime(() => this.panes[0].attempt(() => this.toggleSecond())));
    document.getElementById("start-line").textContent = me.start_line;
    document.getElementById("copy-line").addEventListener("click", (event) => this.copyLine(event.target));
    this.addPane();
  }

  async copyLine(button) {
    clearTimeout(this.copyTimer);
    await this.panes[0].attempt(async () => {
      await navigator.clipboard.writeText(document.getElementById("start-line").textContent);
      button.textContent = "Copied";
      this.copyTimer = setTimeout(() => (button.textContent = "Copy line"), COPIED);
    });
  }

  users() {
    return this.known;
  }

  hint(isGroup) {
    if (!this.hasBot) return "No bot is here yet. Start one with the line above.";
    return isGroup ? "Nothing said yet." : "Press Start to meet the bot, or just write to it.";
  }

  // Panes.

  addPane() {
    const pane = new Pane(this, this.panes.length);
    this.panes.push(pane);
    document.getElementById("panes").append(pane.node);
    document.body.classList.toggle("two", this.panes.length > 1);
    return pane;
  }

  /** The second pane is for another user; when there is none yet, one is asked for. */
  async toggleSecond() {
    if (this.panes.length > 1) return this.closeSecond();
    if (!this.freeUser(1) && (await this.newUser()) == null) return undefined;
    this.two.setAttribute("aria-pressed", "true");
    const pane = this.addPane();
    await pane.attempt(() => this.seat(pane));
    return pane.focusNext();
  }

  closeSecond() {
    this.two.setAttribute("aria-pressed", "false");
    this.panes.pop().node.remove();
    document.body.classList.remove("two");
    this.panes[0].showUsers();
  }

  isPlayed(userId, number) {
    return this.panes.some((pane) => pane.number !== number && pane.user === userId);
  }

  /** Find the user that a pane had, or the first one that nobody plays. */
  freeUser(number) {
    const had = Number(sessionStorage.getItem(`${USER}.${number}`));
    const free = this.known.filter((user) => !this.isPlayed(user.user_id, number));
    return free.find((one) => one.user_id === had) ?? free[0];
  }

  async seat(pane) {
    const user = this.freeUser(pane.number);
    if (user) await pane.become(user.user_id);
    else if (pane.number > 0) this.closeSecond();
    else pane.showUsers();
  }

  play(number, userId) {
    sessionStorage.setItem(`${USER}.${number}`, userId);
    for (const pane of this.panes) if (pane.number !== number) pane.showUsers();
  }

  // Users and groups.

  async loadUsers() {
    this.known = (await this.api.get("/users")).users;
    this.two.disabled = this.known.length === 0;
    for (const pane of this.panes) pane.showUsers();
  }

  async addUser(name) {
    const { user_id: userId } = await this.api.act("adduser", { name });
    await this.loadUsers();
    return userId;
  }

  newUser() {
    return askUser((name) => this.addUser(name));
  }

  newGroup(me) {
    return askGroup(this.known, me, async (title, members) => {
      const { chat_id: chatId } = await this.api.act("addgroup", { title, members });
      return chatId;
    });
  }

  traffic(mid) {
    return this.drawer.open(mid);
  }

  // What the stream says.

  /** Another run of the sandbox, or too much was missed: begin again from nothing. */
  hello({ is_fresh: isFresh }) {
    if (!isFresh) return;
    this.population = null;
    this.botCommands = [];
    for (const pane of this.panes) pane.user = null;
  }

  async state({ polls, users, chats, committed }) {
    this.committed = committed;
    this.showBot(polls > 0);
    this.drawer.refresh();
    const population = `${users} ${chats}`;
    if (population === this.population) return;
    await this.panes[0].attempt(async () => {
      await this.loadUsers();
      for (const pane of [...this.panes]) {
        if (pane.user === null) await this.seat(pane);
        else await pane.loadChats();
      }
      this.population = population; // after a failure the next state tries again
    });
  }

  commands(list) {
    this.botCommands = list;
  }

  entry(item) {
    for (const pane of this.panes) pane.hear(item);
  }

  connection(name) {
    const node = document.getElementById("connection");
    node.dataset.state = name;
    node.textContent = name === "lost" ? "Reconnecting…" : "";
    document.body.classList.toggle("cut", name === "lost");
    if (name === "lost") clearTimeout(this.botTimer);
  }

  showBot(isThere) {
    clearTimeout(this.botTimer);
    if (isThere === this.hasBot && this.botKnown) return;
    const say = () => {
      this.botKnown = true;
      this.hasBot = isThere;
      const node = document.getElementById("bot-state");
      node.dataset.state = isThere ? "here" : "away";
      node.textContent = isThere ? "Bot connected" : "No bot connected";
      document.getElementById("starter").hidden = isThere;
      for (const pane of this.panes) if (pane.open) pane.showFresh();
    };
    if (isThere || !this.botKnown) say();
    else this.botTimer = setTimeout(say, GRACE);
  }

  failed(error) {
    if (!(error instanceof Refused && error.status === 401)) return;
    // Another sandbox answers at this address. Nothing on the page is true any more.
    sessionStorage.removeItem(TOKEN);
    sessionStorage.setItem(REASON, UNKNOWN_TOKEN);
    location.reload();
  }
}

/** The token comes behind “#”, which browsers send nowhere, and leaves the address bar. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN);
}

async function start() {
  let complaint = sessionStorage.getItem(REASON);
  let token = takeToken();
  sessionStorage.removeItem(REASON);
  for (;;) {
    token ??= await askToken(complaint);
    const api = new Api(token);
    try {
      const app = new App(api, await api.get("/me"));
      sessionStorage.setItem(TOKEN, token);
      follow(api, app).catch((error) => app.failed(error));
      return;
    } catch (error) {
      complaint = error.status === 401 ? UNKNOWN_TOKEN : error.message;
      token = null;
    }
  }
}

// A new address with a new token in an open page, as after a restart of the sandbox.
addEventListener("hashchange", () => location.hash.includes("token=") && location.reload());
start();
