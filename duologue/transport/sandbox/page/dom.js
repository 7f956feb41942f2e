// Making nodes. Text only ever becomes a text node: what users and bots write
// is never parsed as HTML anywhere on this page.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; `on` holds listeners, `class` and others are attributes. */
export function el(tag, { on = {}, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children.filter((child) => child != null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Give the address if a browser may go there, else null. */
export function webAddress(raw) {
  try {
    const url = new URL(raw);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Make a link out of this page, which opens beside it; null where a browser may not go. */
export function outwardLink(raw, attributes, ...children) {
  const href = webAddress(raw);
  return href && el("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

export function clock(ms, { seconds = false } = {}) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (seconds) Object.assign(options, { second: "2-digit", fractionalSecondDigits: 3 });
  return new Date(ms).toLocaleTimeString(undefined, options);
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(1)} KB`;
  return `${(size / 1024 / 1024).toFixed(1)} MB`;
}

/** Make a function whose calls before the next frame are one call. */
export function oncePerFrame(act) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      act();
    });
  };
}

/** Make a listener that ignores what comes before it is done, such as a second click. */
export function oneAtATime(act) {
  let isBusy = false;
  return async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    try {
      await act(event);
    } finally {
      isBusy = false;
    }
  };
}

/** Show somebody as a letter on one of eight colours, always the same one. */
export function paintAvatar(node, id, name) {
  node.textContent = [...(name.trim() || "?")][0].toUpperCase();
  node.dataset.hue = [...String(id)].reduce((sum, digit) => sum * 3 + digit.charCodeAt(0), 0) % 8;
}
