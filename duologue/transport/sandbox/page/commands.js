// The commands that the bot has set, offered while a message begins with "/".

import { el } from "./dom.js";

export class CommandMenu {
  /** `commands()` lists what the bot has set; `choose()` sends what is in the field. */
  constructor(field, list, { commands, choose }) {
    Object.assign(this, { field, list, commands, choose, at: 0, shown: [] });
    list.id = `commands-${crypto.randomUUID()}`;
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-autocomplete", "list");
    field.addEventListener("input", () => this.update());
    field.addEventListener("blur", () => this.hide());
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => this.take(event.target.closest("li")));
  }

  update() {
    const begun = /^\/(\S*)$/.exec(this.field.value);
    this.shown = begun ? this.commands().filter(({ name }) => name.startsWith(begun[1])) : [];
    this.at = 0;
    this.show();
  }

  hide() {
    this.shown = [];
    this.show();
  }

  show() {
    this.list.hidden = this.shown.length === 0;
    this.list.replaceChildren(
      ...this.shown.map(({ name, description }, number) =>
        el(
          "li",
          {
            class: "command",
            role: "option",
            id: `${this.list.id}-${number}`,
            "data-name": name,
            "aria-selected": String(number === this.at),
          },
          el("b", {}, `/${name}`),
          el("span", { dir: "auto" }, description ?? ""),
        ),
      ),
    );
    const selected = this.list.children[this.at];
    selected?.scrollIntoView({ block: "nearest" });
    if (selected) this.field.setAttribute("aria-activedescendant", selected.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  /** Tell whether a key was meant for the menu. */
  onKey({ key, shiftKey }) {
    if (this.shown.length === 0) return false;
    const count = this.shown.length;
    const act = {
      ArrowDown: () => this.move((this.at + 1) % count),
      ArrowUp: () => this.move((this.at + count - 1) % count),
      Escape: () => this.hide(),
      Enter: shiftKey ? null : () => this.take(this.list.children[this.at]),
      Tab: shiftKey ? null : () => this.complete(),
    }[key];
    act?.();
    return Boolean(act);
  }

  move(to) {
    this.at = to;
    this.show();
  }

  take(option) {
    if (!option) return;
    this.field.value = `/${option.dataset.name}`;
    this.hide();
    this.choose();
  }

  /** Leave room for what the command is given. */
  complete() {
    this.field.value = `/${this.shown[this.at].name} `;
    this.hide();
  }
}
