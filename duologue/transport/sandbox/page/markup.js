// Formatted text: spans over UTF-16 units, as JavaScript counts strings.

import { el, outwardLink } from "./dom.js";

const TAGS = {
  strong: "strong",
  emphasized: "em",
  strikethrough: "s",
  underline: "u",
  monospaced: "code",
  highlighted: "mark",
};
const SQUARES = /([🟥🟧🟨🟩🟦🟪🟫⬛⬜])/u;
const CLASSES = { heading: "heading", quote: "quote" };

/** Make the nodes of a text; spans may touch, nest and overlap. */
export function formatted(text, spans = []) {
  const cuts = new Set([0, text.length]);
  for (const span of spans) {
    cuts.add(Math.min(span.from, text.length));
    cuts.add(Math.min(span.from + span.length, text.length));
  }
  const edges = [...cuts].sort((a, b) => a - b);
  return edges.slice(0, -1).map((from, i) => {
    const inside = spans.filter((span) => span.from <= from && from < span.from + span.length);
    return inside.reduce(wrap, plain(text.slice(from, edges[i + 1])));
  });
}

/** Make the node of a text without markup; coloured squares are drawn by the style. */
function plain(text) {
  if (!SQUARES.test(text)) return document.createTextNode(text);
  const parts = text.split(SQUARES).filter(Boolean);
  const nodes = document.createDocumentFragment();
  nodes.append(...parts.map((part) => (SQUARES.test(part) ? el("span", { class: "square", "data-square": part }, part) : part)));
  return nodes;
}

function wrap(node, span) {
  if (span.type === "link") return outwardLink(span.url, {}, node) ?? node;
  if (span.type in TAGS) return el(TAGS[span.type], {}, node);
  if (span.type in CLASSES) return el("span", { class: CLASSES[span.type] }, node);
  return node;
}
