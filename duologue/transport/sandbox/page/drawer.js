// The raw traffic of one message: what the bot asked, what it was told, in order.

import { clock, el } from "./dom.js";

export class Drawer {
  constructor(api, failed) {
    Object.assign(this, { api, failed, mid: null, opener: null });
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
    const all = [...exchanges.map(exchangeNode), ...updates.map(updateNode)];
    all.sort((a, b) => a.number - b.number);
    const opened = new Set([...this.records.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    this.records.replaceChildren(...all.map((one) => one.node));
    for (const details of this.records.querySelectorAll("details")) {
      if (opened.has(details.dataset.key)) details.open = true;
    }
    if (all.length === 0) {
      this.records.append(el("li", { class: "empty" }, "Nothing is kept about this message any more."));
    }
  }
}

function exchangeNode({ number, time, duration, method, path, status, request, response }) {
  const outcome = status === 0 ? "closed" : String(status);
  const node = el(
    "li",
    { class: "record request" },
    el(
      "p",
      { class: "record-head" },
      el("b", {}, method),
      el("span", { class: status >= 200 && status < 300 ? "pill good" : "pill bad" }, outcome),
      el("span", { class: "when" }, `${clock(time, { seconds: true })}, ${duration} ms`),
    ),
    el("code", { class: "path" }, decoded(path)),
    body("Request", number, request, true),
    body("Response", number, response, false),
  );
  return { number, node };
}

function updateNode({ number, time, position, is_committed: isCommitted, update }) {
  const node = el(
    "li",
    { class: "record update" },
    el(
      "p",
      { class: "record-head" },
      el("b", {}, "update"),
      el("span", { class: isCommitted ? "pill good" : "pill" }, isCommitted ? "committed" : "waits"),
      el("span", { class: "when" }, clock(time, { seconds: true })),
    ),
    el("code", { class: "path" }, `${typeOf(update)} at ${position}`),
    body("Update", number, update, false),
  );
  return { number, node };
}

function body(label, number, raw, isOpen) {
  if (!raw) return null;
  return el(
    "details",
    { open: isOpen, "data-key": `${label} ${number}` },
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
