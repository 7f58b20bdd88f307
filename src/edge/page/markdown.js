/**
 * Markdown → nodes: the part that models write. What it does not know stays text. Images become links, since nothing
 * foreign is loaded.
 */
import { classed, copyButton, make } from "./dom.js";

/** Quotes and lists in each other, and marks in marks; what is deeper stays text. */
const MOST_DEEP = 8;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|(\d{1,9})[.)])( +|$)/;
const DELIMITERS = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Shows `text` in `element`. Blocks that have not changed since the last call keep their nodes, and so a selection. */
export function showMarkdown(element, text) {
  const blocks = blocksOf(text);
  const shown = [...element.children];
  for (const [i, { source, draw }] of blocks.entries()) {
    if (shown[i]?.source === source) continue;
    const node = Object.assign(draw(0), { source });
    if (shown[i]) shown[i].replaceWith(node);
    else element.append(node);
  }
  for (const left of shown.slice(blocks.length)) left.remove();
}

/** The blocks of a text: each with its lines, and how it is drawn at a depth. */
function blocksOf(text) {
  const lines = text.split("\n");
  const blocks = [];
  let at = 0;
  const take = (count, draw) => {
    const own = lines.slice(at, at + count);
    blocks.push({ source: own.join("\n"), draw: (depth) => draw(own, depth) });
    at += count;
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = FENCE.exec(line);
    if (line.trim() === "") at++;
    else if (fence) take(fenced(lines, at, fence[1]), (own) => code(own, fence));
    else if (HEADING.test(line)) take(1, heading);
    else if (RULE.test(line)) take(1, () => make("hr"));
    else if (QUOTE.test(line))
      take(
        run(lines, at, (next) => QUOTE.test(next)),
        quote,
      );
    else if (ITEM.test(line)) take(listed(lines, at), list);
    else if (isTable(lines, at))
      take(
        run(lines, at, (next) => next.includes("|")),
        table,
      );
    else take(paragraphed(lines, at), (own, depth) => make("p", ...inline(own.join("\n"), depth)));
  }
  return blocks;
}

const drawAll = (text, depth) =>
  depth < MOST_DEEP ? blocksOf(text).map(({ draw }) => draw(depth + 1)) : [make("p", text)];

const isTable = (lines, at) => lines[at].includes("|") && DELIMITERS.test(lines[at + 1] ?? "");

/** How many lines from `at` on fulfil a condition. */
function run(lines, at, condition) {
  let end = at;
  while (end < lines.length && condition(lines[end], end)) end++;
  return end - at;
}

const paragraphed = (lines, at) =>
  run(lines, at, (line, i) => {
    if (i === at) return true;
    const item = ITEM.exec(line);
    // A number that is not 1 goes on with the sentence.
    const begins = item && (item[3] === undefined || item[3] === "1");
    return line.trim() !== "" && !begins && ![FENCE, HEADING, RULE, QUOTE].some((each) => each.test(line));
  });

/** Up to the fence that closes; an answer that is still growing has none yet. */
function fenced(lines, at, mark) {
  const close = lines.findIndex((line, i) => i > at && line.trim().startsWith(mark) && /^(`+|~+)$/.test(line.trim()));
  return (close < 0 ? lines.length : close + 1) - at;
}

/** Lines of a list: its items, what is indented below them, and blank lines between. */
function listed(lines, at) {
  const [, indent, , number] = ITEM.exec(lines[at]);
  const goesOn = (line) => {
    const item = ITEM.exec(line);
    if (!item) return /^ {2,}\S/.test(line);
    // Numbers behind bullets are another list.
    return item[1].length > indent.length + 1 || (item[3] === undefined) === (number === undefined);
  };
  return run(lines, at, (line, i) => {
    if (line.trim() === "") return goesOn(lines[i + 1] ?? "");
    if (ITEM.test(line) || /^ {2,}/.test(line)) return goesOn(line) && !RULE.test(line);
    return lines[i - 1]?.trim() !== "" && ![FENCE, HEADING, RULE, QUOTE].some((each) => each.test(line));
  });
}

function code(lines, [, mark, language]) {
  const closed = lines.length > 1 && lines.at(-1).trim().startsWith(mark);
  const text = lines.slice(1, closed ? -1 : undefined).join("\n");
  const shown = Object.assign(make("pre", make("code", text)), { tabIndex: 0 });
  return classed(
    "div",
    "code",
    classed(
      "div",
      "code-head",
      make("span", language || "text"),
      copyButton(() => text, { ariaLabel: "Copy this code" }),
    ),
    shown,
  );
}

// An answer is under a heading of the page, and may begin with any of its own: all become the next one.
const heading = ([line], depth) => make("h3", ...inline(HEADING.exec(line)[2], depth));

const quote = (lines, depth) =>
  make("blockquote", ...drawAll(lines.map((line) => line.replace(QUOTE, "")).join("\n"), depth));

function list(lines, depth) {
  const [, indent, , number] = ITEM.exec(lines[0]);
  const items = [];
  let width = 0;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent.length + 1) {
      width = item[0].length;
      items.push([line.slice(width)]);
    } else items.at(-1).push(line.slice(Math.min(width, line.search(/\S|$/))));
  }
  const drawn = make(number === undefined ? "ul" : "ol", ...items.map((own) => make("li", ...itemOf(own, depth))));
  if (number !== undefined) drawn.start = Number(number);
  return drawn;
}

/** An item of one paragraph needs none. */
function itemOf(lines, depth) {
  const [first, ...rest] = drawAll(lines.join("\n"), depth);
  if (first?.tagName !== "P") return first ? [first, ...rest] : [];
  return [...first.childNodes, ...rest];
}

function table([head, , ...rows], depth) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll("\\|", "|"));
  const row = (tag, line) => make("tr", ...cells(line).map((cell) => make(tag, ...inline(cell, depth))));
  const drawn = make("table", make("thead", row("th", head)), make("tbody", ...rows.map((line) => row("td", line))));
  return Object.assign(classed("div", "scroll", drawn), { tabIndex: 0 });
}

const MARK = /\\([!-/:-@[-`{-~])|(`+)|(\*\*|__|~~|\*|_)|!?(?=\[)|https?:\/\/[^\s<>"]+|\n/g;
const LINK = /\[((?:[^[\]]|\[[^[\]]*\])*)\]\(\s*<?([^\s)>]{1,2000})>?(?:\s+"[^"]*")?\s*\)/y;
const TAGS = { "**": "strong", __: "strong", "~~": "del", "*": "em", _: "em" };

/** Marks inside of a paragraph. Each is looked for once up to the end, so that no text takes long. */
function inline(text, depth) {
  if (depth >= MOST_DEEP) return [text];
  const nodes = [];
  const endless = new Set();
  const pattern = new RegExp(MARK);
  let from = 0;
  const put = (at, end, ...made) => {
    nodes.push(text.slice(from, at), ...made);
    from = pattern.lastIndex = end;
  };
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [all, escaped, ticks, mark] = match;
    const at = match.index;
    if (all === "\n") {
      // Two spaces or a backslash before the end of a line break it.
      if (text.slice(0, at).endsWith("  ")) put(at, at + 1, make("br"));
    } else if (escaped) put(at, at + 2, escaped);
    else if (ticks || mark) {
      const close = endless.has(all) ? -1 : ticks ? closing(text, at, ticks) : ending(text, at, mark);
      if (close < 0) endless.add(all);
      if (close <= 0) continue;
      const inner = text.slice(at + all.length, close);
      const drawn = ticks
        ? make("code", inner.replace(/^ (.*) $/s, "$1"))
        : make(TAGS[mark], ...inline(inner, depth + 1));
      put(at, close + all.length, drawn);
    } else if (all.startsWith("http")) {
      const address = all.replace(/[.,;:!?)'*_\]]+$/, "");
      put(at, at + address.length, link(address, address));
    } else {
      LINK.lastIndex = at + all.length;
      const found = LINK.exec(text);
      // An empty match would be found again.
      if (!found) pattern.lastIndex = at + all.length + 1;
      else if (/^(https?:|mailto:)/i.test(found[2]))
        put(at, LINK.lastIndex, link(found[2], ...inline(found[1] || found[2], depth + 1)));
      else pattern.lastIndex = LINK.lastIndex;
    }
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

const link = (href, ...children) =>
  Object.assign(make("a", ...children), { href, target: "_blank", rel: "noopener noreferrer" });

/** Where as many ticks as began end; −1: nowhere. */
function closing(text, at, ticks) {
  const runs = /`+/g;
  runs.lastIndex = at + ticks.length;
  for (let found = runs.exec(text); found; found = runs.exec(text)) if (found[0] === ticks) return found.index;
  return -1;
}

/** Where a mark ends that begins at `at`; −1: nowhere from here on; 0: it does not begin one. */
function ending(text, at, mark) {
  const word = /[\p{L}\p{N}]/u;
  const outside = mark[0] === "_";
  if (!/\S/.test(text[at + mark.length] ?? " ") || (outside && word.test(text[at - 1] ?? ""))) return 0;
  for (let close = text.indexOf(mark, at + mark.length + 1); close > 0; close = text.indexOf(mark, close + 1)) {
    const ends = /\S/.test(text[close - 1]) && !(outside && word.test(text[close + mark.length] ?? ""));
    // One star is not the half of two, and of three the last two end.
    const half = mark.length === 1 && text[close - 1] === mark;
    const whole = !half && text[close + mark.length] !== mark[0];
    if (ends && whole) return close;
  }
  return -1;
}
