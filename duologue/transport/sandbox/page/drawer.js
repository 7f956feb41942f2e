// The raw traffic of one message: what the bot asked, what it was told, in order.

import { clock, el } from "./dom.js";

export class Drawer {
  constructor(api, failed) {
    Object.assign(this, { api, failed, mid: null, opener: null, shown: new Map() });
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
      this.records.append(el("li", { class: "empty" }, "Nothing is kept about this message any more."));
    }
  }

  /** Records come in order and stay as they were; only an update may become committed. */
  show(record) {
    let node = this.shown.get(record.number);
    if (!node) {
      node = "update" in record ? updateNode(record) : exchangeNode(record);
      this.shown.set(record.number, node);
      this.records.append(node);
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
  return el(
    "li",
    { class: "record request" },
    el(
      "p",
      { class: "record-head" },
      el("b", {}, method),
      pill(outcome, status >= 200 && status < 300 ? "good" : "bad"),
      el("span", { class: "when" }, `${clock(time, { seconds: true })}, ${duration} ms`),
    ),
    el("code", { class: "path" }, decoded(path)),
    body("Request", request, true),
    body("Response", response, false),
  );
}

function updateNode({ time, position, update }) {
  return el(
    "li",
    { class: "record update" },
    el(
      "p",
      { class: "record-head" },
      el("b", {}, "update"),
      pill("waits"),
      el("span", { class: "when" }, clock(time, { seconds: true })),
    ),
    el("code", { class: "path" }, `${typeOf(update)} at ${position}`),
    body("Update", update, false),
  );
}

function pill(text, kind = "") {
  return el("span", { class: `pill ${kind}` }, text);
}

function body(label, raw, isOpen) {
  if (!raw) return null;
  return el(
    "details",
    { open: isOpen },
    el("summary", {}, label),
    el("pre", { dir: "ltr", tabindex: 0, "aria-label": `${label} body` }, pretty(raw)),
  );
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
