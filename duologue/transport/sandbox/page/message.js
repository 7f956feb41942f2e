// One message: made once, then changed in place, so that an edit touches nothing
// else and a focused button stays focused while the bot redraws it.

import { bytes, clock, el, icon, outwardLink, webAddress } from "./dom.js";
import { formatted } from "./markup.js";

const NOT_HERE = {
  open_app: "mini-apps do not run in the sandbox",
  request_contact: "the sandbox has no contacts",
  request_geo_location: "the sandbox has no locations",
};

export class MessageView {
  /**
   * `actions` has press(view, row, col), reply(view), trafficOf(id), copy(text),
   * picture(frame, token, sender), save(token, name); `me` is the user who looks.
   */
  constructor(message, me, actions) {
    Object.assign(this, { me, actions });
    this.isOwn = message.sender.user_id === me;
    this.quote = el("p", { class: "quoted", dir: "auto" });
    this.media = el("div", { class: "media" });
    this.text = el("div", { class: "text", dir: "auto" });
    this.keyboard = el("div", { class: "keyboard", role: "group", "aria-label": "Buttons", hidden: true });
    this.tools = el(
      "span",
      { class: "tools" },
      tool("reply", "Reply", () => actions.reply(this)),
      tool("wire", "Traffic", () => actions.trafficOf(this.id)),
    );
    const at = new Date(message.timestamp).toISOString();
    const time = el("time", { datetime: at }, clock(message.timestamp));
    const name = el("p", { class: "name", dir: "auto" }, message.sender.name);
    this.bubble = el("div", { class: "bubble" }, name, this.quote, this.media, this.text);
    this.bubble.append(time);
    this.article = el(
      "article",
      {
        "aria-label": `${this.isOwn ? "You" : message.sender.name}, ${clock(message.timestamp)}`,
        tabindex: -1,
      },
      el("div", { class: "line" }, this.bubble, this.tools),
      this.keyboard,
    );
    this.node = el("li", { class: this.isOwn ? "own" : "other", "data-mid": message.body.mid });
    this.node.dataset.sender = message.sender.user_id;
    this.node.append(this.article);
    this.update(message);
    this.setCurrent(false);
  }

  get id() {
    return this.message.body.mid;
  }

  update(message) {
    const before = this.message;
    this.message = message;
    const { text, markup, attachments = [] } = message.body;
    if (!same(before?.body.text, text) || !same(before?.body.markup, markup)) {
      this.text.replaceChildren(...formatted(text ?? "", markup));
      this.text.hidden = !text;
    }
    const media = attachments.filter((one) => one.type !== "inline_keyboard");
    if (!same(this.shownMedia, media)) {
      this.shownMedia = media;
      this.media.replaceChildren(...media.map((one) => this.attachment(one)));
    }
    if (!before || !same(before.link, message.link)) this.showQuote(message.link);
    this.showKeyboard(attachments.find((one) => one.type === "inline_keyboard"));
    this.showPending(message.pending);
  }

  /** Only one message of a list is a stop of the Tab key; arrows go to the others. */
  setCurrent(isCurrent) {
    this.isCurrent = isCurrent;
    const stops = this.article.querySelectorAll("button, a");
    for (const node of [this.article, ...stops]) node.tabIndex = isCurrent ? 0 : -1;
  }

  showQuote(link) {
    this.quote.hidden = !link;
    if (!link) return;
    const verb = link.type === "forward" ? "Forwarded from " : "";
    this.quote.replaceChildren(
      el("b", {}, `${verb}${link.sender.name}`),
      " ",
      link.message.text || "attachment",
    );
  }

  showKeyboard(attachment) {
    const rows = attachment?.payload.buttons ?? [];
    if (same(this.rows, rows)) return;
    const old = [...this.keyboard.children].map((row) => [...row.children]);
    const isSameShape =
      rows.length === old.length &&
      rows.every((row, r) => row.length === old[r].length && row.every((b, c) => b.type === this.rows[r][c].type && b.type !== "link"));
    this.rows = rows;
    if (isSameShape) {
      rows.forEach((row, r) => row.forEach((button, c) => dress(old[r][c], button)));
      return;
    }
    const hadFocus = this.keyboard.contains(document.activeElement);
    this.keyboard.replaceChildren(
      ...rows.map((row, r) =>
        el("div", { class: "buttons" }, ...row.map((button, c) => this.button(button, r, c))),
      ),
    );
    this.keyboard.hidden = rows.length === 0;
    this.setCurrent(this.isCurrent);
    // The pressed button is gone with its keyboard; stay at the message.
    if (hadFocus) (this.keyboard.querySelector("button:enabled") ?? this.article).focus();
  }

  button(button, row, col) {
    if (button.type === "link") {
      const label = el("span", { dir: "auto" }, button.text);
      return (
        outwardLink(button.url, { class: "press", title: webAddress(button.url) }, label, icon("link")) ??
        el("button", { class: "press", type: "button", disabled: true, title: "this is no http address" }, label)
      );
    }
    const node = el("button", {
      class: "press",
      type: "button",
      disabled: button.type in NOT_HERE,
      title: NOT_HERE[button.type],
      on: { click: () => this.pressed(row, col) },
    });
    node.append(el("span", { dir: "auto" }));
    dress(node, button);
    return node;
  }

  pressed(row, col) {
    const button = this.rows[row][col];
    if (button.type === "clipboard") this.actions.copy(button.payload);
    else this.actions.press(this, row, col, button);
  }

  /** Mark the buttons whose clicks the bot has not answered yet. */
  showPending(pending = []) {
    const waiting = new Set(pending.filter((one) => one.user_id === this.me).map((one) => one.payload));
    [...this.keyboard.children].forEach((line, r) =>
      [...line.children].forEach((node, c) => {
        const button = this.rows[r][c];
        const isWaiting = button.type === "callback" && waiting.has(button.payload);
        if (isWaiting) node.setAttribute("aria-busy", "true");
        else node.removeAttribute("aria-busy");
      }),
    );
  }

  attachment({ type, payload = {}, filename, size }) {
    if (type === "file") {
      const label = `Download ${filename ?? "file"}`;
      return el(
        "button",
        { class: "file", type: "button", "aria-label": label, on: { click: () => this.actions.save(payload.token, filename) } },
        icon("file"),
        el("span", { class: "filename", dir: "auto" }, filename ?? "file"),
        el("span", { class: "size" }, size == null ? "" : bytes(size)),
      );
    }
    if (type === "image" && isKeptHere(payload)) {
      const picture = el("div", { class: "picture" });
      this.actions.picture(picture, payload.token, this.message.sender.name);
      return picture;
    }
    const label = `${type}${payload.name ? `: ${payload.name}` : ""}`;
    return (
      outwardLink(payload.url, { class: "file" }, icon("link"), label) ??
      el("span", { class: "file" }, icon("file"), label)
    );
  }
}

export function tool(name, label, click) {
  return el("button", { class: "tool", type: "button", "aria-label": label, title: label, on: { click } }, icon(name));
}

/** A picture that lies elsewhere is a link: the policy of the page loads nothing from there. */
function isKeptHere({ token, url }) {
  return Boolean(token) && Boolean(url?.endsWith(`/files/${token}`));
}

function dress(node, button) {
  node.firstChild.textContent = button.text;
  node.dataset.intent = button.intent ?? "default";
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
