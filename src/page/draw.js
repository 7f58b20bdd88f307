/** Turns of a conversation on the page: the question, and the answer in one lane or two. */
import { button, classed, copyButton, make } from "./dom.js";
import { endOf, figuresOf } from "./lane.js";
import { showMarkdown } from "./markdown.js";
import { decimal, percent } from "./numbers.js";

const NAMES = { drafts: "With drafts", plain: "Without drafts" };

/** Least milliseconds between two drawings of text that grows. */
const DRAW_EVERY = 40;
/** At least so many times as long as a drawing took, nothing is drawn: a long text leaves the page time, too. */
const REST = 4;

/** What a person may do with a turn, and how the page looks at it: see chat.js. */
export class TurnView {
  #turn;
  #on;
  #lanes;
  #verdict = Object.assign(classed("p", "verdict"), { hidden: true });

  constructor(turn, on) {
    this.#turn = turn;
    this.#on = on;
    this.#lanes = turn.lanes.map((lane, i) => new LaneView(lane, turn, on, i === 0));
    this.element = classed(
      "li",
      "turn",
      classed(
        "div",
        "user",
        classed("p", "said", classed("span", "hidden", "You: "), turn.question),
        classed(
          "div",
          "actions",
          button("Edit", () => on.edit(turn), { ariaLabel: "Edit this question" }),
        ),
      ),
      classed("div", turn.lanes.length > 1 ? "lanes two" : "lanes", ...this.#lanes.map(({ element }) => element)),
      this.#verdict,
    );
    this.draw();
  }

  /** Everything anew, such as when the trace is switched on. */
  draw() {
    for (const lane of this.#lanes) lane.draw();
    this.#judge();
  }

  /** A lane has grown. */
  grow(lane) {
    this.#of(lane).grow();
  }

  begin(lane) {
    this.#of(lane).begin();
  }

  end(lane) {
    this.#of(lane).end();
    this.#judge();
  }

  #of(lane) {
    return this.#lanes[this.#turn.lanes.indexOf(lane)];
  }

  #judge() {
    const said = verdictOf(this.#turn.lanes);
    this.#verdict.hidden = said.length === 0;
    this.#verdict.replaceChildren(...said);
    this.#on.drawn();
  }
}

/** What the two lanes say about each other, as nodes; none before both have ended. */
export function verdictOf([drafts, plain]) {
  if (!plain || !(drafts.timings && plain.timings)) return [];
  const [fewer, more] = [drafts, plain].map(figuresOf);
  const same = drafts.text === plain.text;
  const lossy = drafts.lossy ? " BiLD is lossy." : "";
  const spared = 1 - fewer.passes / more.passes;
  const passes = `${decimal(fewer.passes)} target passes in place of ${decimal(more.passes)}`;
  const saved = spared > 0 ? `, ${percent(spared)} fewer` : "";
  const speed = `${decimal(fewer.perSecond)} tokens/s with drafts, ${decimal(more.perSecond)} without`;
  return [
    make("strong", same ? "The same text" : "The texts differ"),
    `.${same ? "" : lossy} ${passes}${saved}. ${speed}.`,
  ];
}

class LaneView {
  #lane;
  #on;
  #text = classed("div", "text");
  #end = Object.assign(classed("p", "end"), { hidden: true });
  #foot = make("footer");
  #meta = classed("p", "meta");
  #help = Object.assign(classed("div", "help"), { hidden: true });
  #drawn = 0;
  /** Milliseconds that the last drawing took, layout included. */
  #took = 0;
  #due;

  constructor(lane, turn, on, first) {
    this.#lane = lane;
    this.#on = on;
    const actions = classed(
      "div",
      "actions",
      copyButton(() => lane.text),
    );
    if (first) {
      actions.append(
        Object.assign(
          button("Regenerate", () => on.again(turn)),
          { className: "again" },
        ),
        button("As code", () => on.code(turn)),
      );
    }
    this.#help.append(
      button("Try again", () => on.again(turn), { className: "again" }),
      button("Settings", () => on.settings(), { hidden: true }),
    );
    const heading = lane.kind ? make("h2", NAMES[lane.kind]) : classed("h2", "hidden", "Answer");
    this.#foot.append(this.#meta, actions);
    this.element = classed("article", "lane", heading, this.#text, this.#end, this.#help, this.#foot);
  }

  begin() {
    this.element.classList.add("busy");
    this.element.ariaBusy = "true";
    this.draw();
  }

  end() {
    this.element.classList.remove("busy");
    this.element.ariaBusy = "false";
    this.draw();
  }

  draw() {
    this.#text.replaceChildren();
    this.#drawn = 0;
    this.#show();
  }

  /** Soon: text that grows faster than anybody reads need not be drawn each time. */
  grow() {
    this.#due ??= setTimeout(() => this.#show(), Math.max(DRAW_EVERY, REST * this.#took));
  }

  #show() {
    clearTimeout(this.#due);
    this.#due = undefined;
    const started = performance.now();
    const { tokens, text, error, wantsKey } = this.#lane;
    const traced = this.#on.traced();
    this.#text.classList.toggle("traced", traced);
    if (!traced) showMarkdown(this.#text, text);
    else for (const token of tokens.slice(this.#drawn)) this.#text.append(...traceOf(token));
    this.#drawn = tokens.length;
    const busy = this.element.classList.contains("busy");
    const end = busy ? "" : endOf(this.#lane);
    this.#end.textContent = end;
    this.#end.hidden = end === "";
    this.#end.classList.toggle("wrong", Boolean(error));
    this.#help.hidden = busy || (!error && text !== "");
    this.#foot.hidden = !busy && text === "";
    this.#help.lastChild.hidden = !wantsKey;
    this.#meta.textContent = metaOf(this.#lane);
    this.#on.drawn();
    this.#took = performance.now() - started;
  }
}

/** A token in the colours of its origin, behind what was drafted in its place. */
function traceOf([text, kept, rejected]) {
  const token = classed("span", kept ? "token kept" : "token own", text);
  return rejected ? [classed("del", "rejected", rejected), token] : [token];
}

function metaOf(lane) {
  const { tokens, passes, spared, perSecond } = figuresOf(lane);
  if (tokens === 0) return "";
  const seed = lane.account ? [`seed ${lane.account.seed}`] : [];
  const pass = passes === 1 ? "1 pass" : `${decimal(passes)} passes`;
  const saved = spared > 0 ? [`${percent(spared)} spared`] : [];
  const speed = Number.isFinite(perSecond) ? [`${decimal(perSecond)} tokens/s`] : [];
  return [tokens === 1 ? "1 token" : `${decimal(tokens)} tokens`, pass, ...saved, ...speed, ...seed].join(" · ");
}
