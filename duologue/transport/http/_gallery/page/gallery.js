import { strings } from "/actions/operation-bar.js";

strings.ru = {
  stop: "Стоп", running: "выполняется", succeeded: "готово", cancelled: "остановлено",
};

// The three buttons of m3's page, for each bar.
for (const button of document.querySelectorAll("button[data-call]")) {
  const bar = document.getElementById(button.dataset.bar);
  button.addEventListener("click", () => bar[button.dataset.call]());
}
