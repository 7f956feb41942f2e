// Lines that are shown for a while.

import { el } from "./dom.js";

const TIME = 6000;
const MOST = 3;

/** Show a line in a stack; the same line again counts instead of piling up. */
export function toast(stack, text, kind = "plain") {
  const twin = [...stack.children].find((one) => one.dataset.text === text);
  const count = Number(twin?.dataset.count ?? 0) + 1;
  twin?.remove();
  const node = el("p", { class: `toast ${kind}`, dir: "auto", "data-text": text, "data-count": count }, text);
  if (count > 1) node.append(el("b", {}, ` ×${count}`));
  stack.append(node);
  while (stack.children.length > MOST) stack.firstChild.remove();
  setTimeout(() => node.remove(), TIME);
}
