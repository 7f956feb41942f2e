// The raw traffic of one message or one event: what the bot asked, what it was told.
// The newest comes first, one line each; the bodies are folded.

import { clock, el } from "./dom.js";

export class Drawer {
  /** `failed(error)` tells what went wrong; `leave()` takes the focus when its opener is gone. */
  constructor(api, { failed, leave }) {
    Object.assign(this, { api, failed, leave, mid: null, opener: null, shown: new Map() });
    this.node = document.getElementById("drawer");
    this.records = document.getElementById("records");
    document.getElementById("drawer-close").addEventListener("click", () => this.close());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.mid && !document.querySelector("dialog[open]")) this.close();
    });
  }

  async open(mid) {
    this.opener = document.activeElement;
    this.mid = mid;
    document.getElementById("drawer-id").textContent = mid;
    this.shown.clear();
    this.records.replaceChildren();
    this.node.hidden = false;
    document.body.classList.add("with-drawer");
    document.getElementById("drawer-close").focus();
    await this.refresh();
  }

  close() {
    this.mid = null;
    this.node.hidden = true;
    document.body.classList.remove("with-drawer");
    if (this.opener?.isConnected) this.opener.focus();
    else this.leave();
  }

  /** Show what came since; what is there already stays as it is, open or closed. */
  async refresh() {
    if (this.isBusy) {
      this.isStale = true;
      return;
    }
    this.isBusy = true;
    try {
      do {
        this.isStale = false;
        await this.load();
      } while (this.isStale);
    } catch (error) {
      this.failed(error);
    } finally {
      this.isBusy = false;
    }
  }

  async load() {
    const { mid } = this;
    if (!mid) return;
    const { exchanges, updates } = await this.api.get(`/messages/${encodeURIComponent(mid)}/traffic`);
    if (mid !== this.mid) return;
    const all = [...exchanges, ...updates].sort((a, b) => a.number - b.number);
    const kept = new Set(all.map((one) => one.number));
    for (const [number, node] of this.shown) if (!kept.has(number)) this.forget(number, node);
    this.records.querySelector(".empty")?.remove();
    for (const record of all) this.show(record);
    if (all.length === 0) {
      this.records.append(el("li", { class: "empty" }, "Nothing is kept about this any more."));
    }
  }

  /** Records come in order and stay as they were; only an update may become committed. */
  show(record) {
    let node = this.shown.get(record.number);
    if (!node) {
      node = "update" in record ? updateNode(record) : exchangeNode(record);
      this.shown.set(record.number, node);
      this.records.prepend(node);
    }
    if (record.is_committed) node.querySelector(".pill").replaceWith(pill("committed", "good"));
  }

  forget(number, node) {
    this.shown.delete(number);
    node.remove();
  }
}

function exchangeNode({ time, duration, method, path, status, request, response }) {
  const outcome = status === 0 ? "closed" : String(status);
  return recordNode(
    "request",
    [
      el("b", {}, method),
      el("code", {}, decoded(path)),
      pill(outcome, status >= 200 && status < 300 ? "good" : "bad"),
      when(time),
    ],
    [
      el("code", { class: "path" }, decoded(path)),
      ...body("Request", request),
      ...body(`Response, after ${duration} ms`, response),
    ],
  );
}

function updateNode({ time, position, update }) {
  return recordNode(
    "update",
    [el("b", {}, "update"), el("code", {}, typeOf(update)), pill("waits"), when(time)],
    body(`Update at ${position}`, update),
  );
}

function recordNode(kind, line, bodies) {
  return el(
    "li",
    { class: `record ${kind}` },
    el("details", {}, el("summary", {}, ...line), el("div", { class: "bodies" }, ...bodies)),
  );
}

function when(time) {
  return el("span", { class: "when" }, clock(time, { seconds: true }));
}

function pill(text, kind = "") {
  return el("span", { class: `pill ${kind}` }, text);
}

function body(label, raw) {
  if (!raw) return [];
  return [el("h3", {}, label), el("pre", { dir: "ltr", tabindex: 0, "aria-label": label }, pretty(raw))];
}

function pretty(raw) {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw; // cut off, or not JSON
  }
}

function typeOf(update) {
  return /"update_type": "([a-z_]+)"/.exec(update)?.[1] ?? "update";
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
