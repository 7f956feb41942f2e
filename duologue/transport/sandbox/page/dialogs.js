// The three questions of the page: the token, a new user, a new group.

import { el, oneAtATime } from "./dom.js";

/** Ask for the control token; resolves with what was typed. */
export function askToken(reason) {
  const dialog = document.getElementById("gate");
  if (reason) document.getElementById("gate-reason").textContent = reason;
  // There is nothing behind it to go back to.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  return ask(dialog, (fields) => fields.token.value.trim());
}

/** Ask for a name; `create(name)` makes the user, and its refusal is shown. */
export function askUser(create) {
  return ask(document.getElementById("new-user"), (fields) => create(fields.name.value));
}

/** Ask for a title and members; the user who asks is one of them. */
export function askGroup(users, me, create) {
  const dialog = document.getElementById("new-group");
  const boxes = users.map((user) =>
    el("input", { type: "checkbox", value: user.user_id, checked: user.user_id === me }),
  );
  dialog
    .querySelector(".members")
    .replaceChildren(...users.map((user, i) => el("label", {}, boxes[i], el("span", { dir: "auto" }, user.name))));
  return ask(dialog, (fields) => {
    const members = boxes.filter((box) => box.checked).map((box) => Number(box.value));
    return create(fields.title.value, members);
  });
}

/** Show a dialog until its form was handled; resolves with null when it was left. */
function ask(dialog, handle) {
  const form = dialog.querySelector("form");
  const error = form.querySelector(".error");
  form.reset();
  if (error) error.textContent = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const finish = (value) => {
      form.removeEventListener("submit", submit);
      dialog.removeEventListener("close", leave);
      dialog.close();
      resolve(value);
    };
    const leave = () => finish(null);
    const submit = oneAtATime(async () => {
      try {
        finish(await handle(form.elements));
      } catch (refusal) {
        error.textContent = refusal.message;
      }
    });
    form.addEventListener("submit", submit);
    dialog.addEventListener("close", leave);
    form.querySelector("[data-close]")?.addEventListener("click", () => dialog.close(), { once: true });
  });
}
