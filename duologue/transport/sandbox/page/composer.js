// The field to write in, with a reply or a file held ready.

import { CommandMenu } from "./commands.js";
import { bytes } from "./dom.js";

export class Composer {
  /**
   * `send({text, file, reply})` returns whether it went out; then the field is emptied.
   * `commands()` lists those of the bot; `limit` is that of a file, in bytes.
   */
  constructor(form, { send, commands, limit }) {
    Object.assign(this, { form, send, limit });
    this.field = form.querySelector("textarea");
    this.context = form.querySelector(".context");
    this.picker = form.querySelector(".file");
    const choose = () => this.submit();
    this.menu = new CommandMenu(this.field, form.querySelector(".commands"), { commands, choose });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    this.field.addEventListener("input", () => this.fit());
    form.querySelector(".attach").addEventListener("click", () => this.picker.click());
    form.querySelector(".drop").addEventListener("click", () => {
      this.clearContext();
      this.field.focus();
    });
    this.picker.addEventListener("change", () => this.attach(this.picker.files[0]));
    this.clearContext();
  }

  onKey(event) {
    if (!event.isComposing && this.menu.onKey(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Escape" && !this.context.hidden) {
      event.stopPropagation(); // the drawer stays open
      this.clearContext();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    }
  }

  reply(view) {
    this.held = { reply: view.id };
    const { sender, body } = view.message;
    this.hold("reply", `${sender.name}: ${body.text || "attachment"}`);
  }

  attach(file) {
    this.picker.value = "";
    if (!file) return;
    this.held = { ...this.held, file };
    const tooLarge = file.size > this.limit ? `, more than the ${bytes(this.limit)} this sandbox takes` : "";
    this.hold("clip", `${file.name} (${bytes(file.size)}${tooLarge})`);
  }

  hold(name, text) {
    this.context.hidden = false;
    this.context.querySelector("use").setAttribute("href", `#i-${name}`);
    this.context.querySelector("p").textContent = text;
    this.field.focus();
  }

  clearContext() {
    this.held = {};
    this.context.hidden = true;
    this.picker.value = "";
  }

  async submit() {
    const { held } = this;
    const text = this.field.value;
    if (this.isSending || (!text.trim() && !held.file)) return;
    this.isSending = true;
    this.form.setAttribute("aria-busy", "true");
    try {
      if (await this.send({ text, ...held })) this.takeOut(text, held);
    } finally {
      this.isSending = false;
      this.form.removeAttribute("aria-busy");
    }
  }

  /** What was typed or held ready meanwhile is the next message. */
  takeOut(text, held) {
    if (this.field.value.startsWith(text)) this.field.value = this.field.value.slice(text.length);
    if (this.held === held) this.clearContext();
    this.fit();
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`; // the style bounds it
  }
}
