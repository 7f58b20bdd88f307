/**
 * Markdown → nodes: the part that models write. What it does not know stays text. Images become links, since nothing
 * foreign is loaded. It is our own because no library fits: of 20,000 hostile characters micromark reads some in 12 s,
 * commonmark.js in 2 s, and markdown-it in 0.3 s with twice the bytes of the whole page.
 *
 * The work is linear in the text: a pattern has one way to match, and what is looked for once is not looked for again.
 */
import { classed, copyButton, make } from "./dom.js";

/** Quotes and lists in each other, and marks in marks; what is deeper stays text. */
const MOST_DEEP = 8;
/** Browsers take seconds to lay out thousands of columns: a wider table stays text. */
const MOST_COLUMNS = 100;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const HEADING = /^ {0,3}#{1,6}\s+/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|(\d{1,9})[.)])( +|$)/;

/** Of an element that shows a growing text: the part that no growth can change, and the node that shows its end. */
const settled = new WeakMap();

/**
 * Shows `text` in `element`. Blocks that have not changed since the last call keep their nodes, and so a selection.
 * Text that has grown is read again from the first block on that the growth can change.
 */
export function showMarkdown(element, text) {
  const { read, node: behind } = settledOf(element, text);
  const lines = text.slice(read.length).split("\n");
  const blocks = blocksOf(lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line)));
  const nodes = fill(element, behind ? behind.nextSibling : element.firstChild, blocks, 0);
  // The two lines behind a block tell its end, and the last line of all may grow.
  const last = blocks.findLastIndex(({ end }) => end + 1 < lines.length - 1);
  if (last < 0) return;
  const more = lines.slice(0, blocks[last].end).join("\n").length;
  settled.set(element, { read: text.slice(0, read.length + more), node: nodes[last] });
}

function settledOf(element, text) {
  const known = settled.get(element);
  return known?.node.parentNode === element && text.startsWith(known.read) ? known : { read: "" };
}

/** Shows parts in an element from one of its nodes on, which keeps those that are the same. Returns their nodes. */
function fill(element, from, parts, depth) {
  let before = from;
  const nodes = parts.map(({ source, draw }) => {
    const node = before?.source === source ? before : Object.assign(draw(depth, before), { source });
    if (!before) element.append(node);
    else if (node !== before) before.replaceWith(node);
    before = node.nextSibling;
    return node;
  });
  while (before) {
    const left = before;
    before = left.nextSibling;
    left.remove();
  }
  return nodes;
}

/**
 * The blocks of some lines: each with its text, the line behind its end, and how it is drawn at a depth, if need be
 * into the node that showed it when it was shorter.
 */
function blocksOf(lines) {
  const blocks = [];
  let at = 0;
  const take = (count, draw) => {
    const own = lines.slice(at, at + count);
    at += count;
    blocks.push({ source: own.join("\n"), end: at, draw: (depth, before) => draw(own, depth, before) });
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = fenceOf(line);
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
    else {
      take(paragraphed(lines, at), (own, depth) => make("p", inline(own.join("\n"), depth)));
      blocks.at(-1).isParagraph = true;
    }
  }
  return blocks;
}

/** The blocks of some lines, as a fragment: a call takes fewer arguments than a text may have blocks. */
function drawAll(lines, depth) {
  const drawn = new DocumentFragment();
  if (depth >= MOST_DEEP) drawn.append(make("p", lines.join("\n")));
  else for (const { draw } of blocksOf(lines)) drawn.append(draw(depth + 1));
  return drawn;
}

/** An item of a list, whose first paragraph needs no element of its own. */
function listItem(lines, depth) {
  if (depth >= MOST_DEEP) return make("li", lines.join("\n"));
  const drawn = make("li");
  for (const [n, { isParagraph, source, draw }] of blocksOf(lines).entries())
    drawn.append(n === 0 && isParagraph ? inline(source, depth + 1) : draw(depth + 1));
  return drawn;
}

/** The mark and the language of a line that opens a fence; null for another. */
function fenceOf(line) {
  const found = FENCE.exec(line);
  return found && !line.trimStart().slice(found[1].length).includes("`") ? found : null;
}

function isTable(lines, at) {
  const begin = lines.slice(at, at + 2);
  if (begin.length < 2 || !begin.every((line) => line.includes("|"))) return false;
  const [head, delimiters] = begin.map(cellsOf);
  const columns = Math.max(head.length, delimiters.length);
  return columns <= MOST_COLUMNS && delimiters.every((cell) => /^:?-+:?$/.test(cell));
}

/** How many lines from `at` on fulfil a condition. */
function run(lines, at, condition) {
  let end = at;
  while (end < lines.length && condition(lines[end], end)) end++;
  return end - at;
}

/** Whether a line ends a paragraph, whatever the paragraph is in. */
const interrupts = (line) => fenceOf(line) !== null || [HEADING, RULE, QUOTE].some((each) => each.test(line));

const paragraphed = (lines, at) =>
  run(lines, at, (line, i) => {
    if (i === at) return true;
    const item = ITEM.exec(line);
    // A number that is not 1 goes on with the sentence.
    const begins = item && (item[3] === undefined || item[3] === "1");
    return line.trim() !== "" && !begins && !interrupts(line);
  });

/** Up to the fence that closes; an answer that is still growing has none yet. */
function fenced(lines, at, mark) {
  const closes = (line) => line.startsWith(mark) && /^(`+|~+)$/.test(line);
  const inside = 1 + run(lines, at + 1, (line) => !closes(line.trim()));
  return Math.min(inside + 1, lines.length - at);
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
    return lines[i - 1]?.trim() !== "" && !interrupts(line);
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

/**
 * An answer is under a heading of the page, and may begin with any of its own: all become the next one. Signs at the
 * end close it where a space is before them: "# C#" is about C#.
 */
const heading = ([line], depth) =>
  make(
    "h3",
    inline(
      line
        .replace(HEADING, "")
        .trimEnd()
        .replace(/(?:^|\s)#+$/, "")
        .trimEnd(),
      depth,
    ),
  );

const quote = (lines, depth) =>
  make(
    "blockquote",
    drawAll(
      lines.map((line) => line.replace(QUOTE, "")),
      depth,
    ),
  );

/** A list that grows keeps its items. */
function list(lines, depth, before) {
  const [, indent, , number] = ITEM.exec(lines[0]);
  const items = [];
  let width = 0;
  for (const line of lines) {
    const begun = ITEM.exec(line);
    if (begun && begun[1].length <= indent.length + 1) {
      width = begun[0].length;
      items.push([line.slice(width)]);
    } else items.at(-1).push(line.slice(Math.min(width, line.search(/\S|$/))));
  }
  const tag = number === undefined ? "ul" : "ol";
  const drawn = before?.tagName === tag.toUpperCase() ? before : make(tag);
  if (number !== undefined) drawn.start = Number(number);
  fill(
    drawn,
    drawn.firstChild,
    items.map((own) => ({ source: own.join("\n"), draw: () => listItem(own, depth) })),
    depth,
  );
  return drawn;
}

function table([head, , ...rows], depth) {
  const columns = cellsOf(head).length;
  const row = (tag, line) => {
    const cells = cellsOf(line);
    // The last cell takes what is too much.
    const rest = cells.splice(columns - 1).join("|");
    return make("tr", ...[...cells, rest].map((cell) => make(tag, inline(cell, depth))));
  };
  const body = make("tbody");
  for (const line of rows) body.append(row("td", line));
  const drawn = make("table", make("thead", row("th", head)), body);
  return Object.assign(classed("div", "scroll", drawn), { tabIndex: 0 });
}

const cellsOf = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

const MARK = /\\([!-/:-@[-`{-~])|(`+)|(\*\*|__|~~|\*|_)|!?\[|https?:\/\/[^\s<>"]+|\n/g;
const TAGS = { "**": "strong", __: "strong", "~~": "del", "*": "em", _: "em" };

/** Marks inside of a paragraph, as a fragment. Each is looked for once up to the end, so that no text takes long. */
function inline(text, depth) {
  const drawn = new DocumentFragment();
  const pattern = new RegExp(MARK);
  const closing = new Closing(text);
  const links = new Links(text);
  let from = 0;
  /** Text that has no node yet. */
  let plain = "";
  const flush = () => {
    if (plain !== "") drawn.append(plain);
    plain = "";
  };
  const put = (at, end, made) => {
    plain += text.slice(from, at);
    if (typeof made === "string") plain += made;
    else {
      flush();
      drawn.append(made);
    }
    from = pattern.lastIndex = end;
  };
  for (let match = depth < MOST_DEEP && pattern.exec(text); match; match = pattern.exec(text)) {
    const [all, escaped, ticks, mark] = match;
    const at = match.index;
    if (all === "\n") {
      // Two spaces before the end of a line break it.
      if (text.endsWith("  ", at)) put(at, at + 1, make("br"));
    } else if (escaped) put(at, at + 2, escaped);
    else if (ticks || mark) {
      const close = ticks ? closing.ofTicks(at, ticks) : closing.ofMark(at, mark);
      if (close < 0) continue;
      const inner = text.slice(at + all.length, close);
      const made = ticks ? make("code", inner.replace(/^ (.*) $/s, "$1")) : make(TAGS[mark], inline(inner, depth + 1));
      put(at, close + all.length, made);
    } else if (all.startsWith("http")) {
      let end = all.length;
      while (".,;:!?)'*_]".includes(all[end - 1])) end--;
      const address = all.slice(0, end);
      put(at, at + end, link(address, address));
    } else {
      const found = links.at(at + all.length - 1);
      if (found && /^(https?:|mailto:)/i.test(found.address))
        put(at, found.end, link(found.address, inline(found.label || found.address, depth + 1)));
      else if (found) pattern.lastIndex = found.end;
    }
  }
  plain += text.slice(from);
  flush();
  return drawn;
}

const link = (href, shown) => Object.assign(make("a", shown), { href, target: "_blank", rel: "noopener noreferrer" });

/** Where marks of a text end. */
class Closing {
  #text;
  /** Marks that end nowhere from here on. */
  #endless = new Set();
  /** How many ticks are in a row → where as many are for the last time. */
  #lastTicks;

  constructor(text) {
    this.#text = text;
  }

  /** Where as many ticks as began end; −1: nowhere. */
  ofTicks(at, ticks) {
    this.#lastTicks ??= new Map(Array.from(this.#text.matchAll(/`+/g), ({ 0: run, index }) => [run.length, index]));
    if ((this.#lastTicks.get(ticks.length) ?? -1) <= at) return -1;
    const runs = /`+/g;
    runs.lastIndex = at + ticks.length;
    let found = runs.exec(this.#text);
    while (found[0] !== ticks) found = runs.exec(this.#text);
    return found.index;
  }

  /** Where a mark ends that begins at `at`; −1: nowhere from here on, or it does not begin one. */
  ofMark(at, mark) {
    const text = this.#text;
    const word = /[\p{L}\p{N}]/u;
    const outside = mark[0] === "_";
    if (this.#endless.has(mark)) return -1;
    if (!/\S/.test(text[at + mark.length] ?? " ") || (outside && word.test(text[at - 1] ?? ""))) return -1;
    for (let close = text.indexOf(mark, at + mark.length + 1); close > 0; close = text.indexOf(mark, close + 1)) {
      const ends = /\S/.test(text[close - 1]) && !(outside && word.test(text[close + mark.length] ?? ""));
      // One star is not the half of two, and of three the last two end.
      const half = mark.length === 1 && text[close - 1] === mark;
      const whole = !half && text[close + mark.length] !== mark[0];
      if (ends && whole) return close;
    }
    this.#endless.add(mark);
    return -1;
  }
}

const LABEL = /\[((?:[^[\]]|\[[^[\]]*\])*)\]\(\s*<?/y;
const ADDRESS = /[^\s)>]*/y;
const BEHIND = />?(?:\s+"[^"]*")?\s*\)/y;
const MOST_ADDRESS = 2000;

/** Links of a text. Labels whose addresses end at the same place share what is behind it. */
class Links {
  #text;
  /** Where the address that was read last begins and ends, and where a link with it ends; −1 where there is none. */
  #begin = 0;
  #address = -1;
  #end = -1;

  constructor(text) {
    this.#text = text;
  }

  /** The link whose label begins at `at`; undefined where there is none. */
  at(at) {
    LABEL.lastIndex = at;
    const label = LABEL.exec(this.#text);
    if (!label) return undefined;
    const begin = LABEL.lastIndex;
    if (begin < this.#begin || begin > this.#address) this.#read(begin);
    const length = this.#address - begin;
    if (this.#end < 0 || length === 0 || length > MOST_ADDRESS) return undefined;
    return { label: label[1], address: this.#text.slice(begin, this.#address), end: this.#end };
  }

  #read(begin) {
    ADDRESS.lastIndex = begin;
    ADDRESS.exec(this.#text);
    this.#begin = begin;
    this.#address = BEHIND.lastIndex = ADDRESS.lastIndex;
    this.#end = BEHIND.test(this.#text) ? BEHIND.lastIndex : -1;
  }
}
