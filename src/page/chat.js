/**
 * The page: a conversation over `/v1/chat/completions`, and what speculation made of it. Plain JavaScript, which
 * build.js bundles. Every text enters the page as text, never as HTML (`_headers` has the browser see to that).
 */
import { ask, Refusal, servedModel } from "./ask.js";
import { forgetChat, keepChat, messagesBefore, newChat, readChats, titleOf } from "./chats.js";
import { codes } from "./code.js";
import { $, button, copyButton, make } from "./dom.js";
import { TurnView } from "./draw.js";
import { newLane, take } from "./lane.js";
import { showFigures, showMillion, showThoughts } from "./numbers.js";
import { keepSettings, requestOf, save, settingsHold } from "./settings.js";

/** The choice under "The origin" that waits for drafts. */
const WAITS = "10000";

let model;
let chat = readChats()[0] ?? newChat();
/** The turns that are shown, as they are drawn. */
const views = new Map();
/** Ends the answer under way; null where none is. */
let running = null;
let leaving = false;
/** The turn whose question is in the field, to be asked anew. */
let edited = null;

/** Whether the end of the conversation is in view, and is to stay there. */
let following = true;
$("scroll").addEventListener("scroll", ({ target }) => {
  following = target.scrollHeight - target.scrollTop - target.clientHeight < 80;
});

/** What turns may ask of the page. */
const on = {
  traced: () => $("trace").checked,
  drawn: () => follow(false),
  edit,
  again: (turn) => running || answer(replaced(turn, turn.question)),
  code: (turn) => showCode(turn),
  settings: () => openSettings("key"),
};

keepSettings(({ id, value }) => {
  if (id === "theme") document.documentElement.style.colorScheme = value || "light dark";
  if (id === "patience") nameSwitch();
  if (id === "rule") $("rollback").disabled = value !== "bild";
  if (id === "gpu") showMillion(lastLane() ?? newLane());
});
$("key").addEventListener("change", loadModel);
loadModel();
loadExamples();
loadNotice();
showChat();

$("question").addEventListener("keydown", (event) => {
  if (event.key === "ArrowUp" && $("question").value === "" && chat.turns.length > 0) {
    event.preventDefault();
    edit(chat.turns.at(-1));
  }
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("ask").requestSubmit();
});
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (running) stop();
  else if (edited) keepAsItIs();
});
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("question").value.trim();
  if (question === "" || running || !settingsHold()) return;
  const turn = replaced(edited, question);
  keepAsItIs();
  answer(turn);
});
$("stop").addEventListener("click", stop);
$("keep").addEventListener("click", keepAsItIs);
$("fresh").addEventListener("click", () => showChat(newChat()));
$("trace").addEventListener("change", () => retrace());
$("rejects").addEventListener("change", () => {
  if ($("rejects").checked) $("trace").checked = true;
  retrace();
});
$("show-drafts").addEventListener("click", () => {
  $("patience").value = waits() ? "" : WAITS;
  save();
  nameSwitch();
  $("question").focus();
});
$("open-settings").addEventListener("click", () => openSettings("system"));
$("set").addEventListener("submit", (event) => {
  event.preventDefault();
  $("settings").close();
});
$("reset").addEventListener("click", () => {
  localStorage.removeItem("settings");
  location.reload();
});
$("as-code").addEventListener("click", () => settingsHold() && showCode(null));
$("open-chats").addEventListener("click", openChats);
for (const each of document.querySelectorAll("[data-close]")) {
  each.addEventListener("click", () => each.closest("dialog").close());
}
// What has come of an answer by then is kept, and that the browser then breaks it off is no error.
addEventListener("beforeunload", () => {
  leaving = true;
});
addEventListener("pagehide", () => keepChat(chat));

// What scrolls can be scrolled with the keyboard.
for (const box of [$("scroll"), $("source").parentElement]) box.tabIndex = 0;

/** What must be known before anything is read off this page, such as that the GPU is emulated. */
async function loadNotice() {
  const { text } = await fetched("notice.json", { text: null });
  $("notice").textContent = text ?? "";
  $("notice").hidden = !text;
}

/** Questions that suit the target, each a button that puts it into the field. */
async function loadExamples() {
  for (const example of await fetched("examples.json", [])) {
    $("examples").append(
      button(example, () => {
        $("question").value = example;
        $("question").focus();
      }),
    );
  }
}

async function fetched(file, otherwise) {
  const response = await fetch(file).catch(() => null);
  return response?.ok ? response.json() : otherwise;
}

async function loadModel() {
  model = (await servedModel()) ?? model;
  if (model) $("model").textContent = model;
}

/** Shows another chat, or the one that there is anew. */
function showChat(next = chat) {
  stop();
  keepAsItIs();
  chat = next;
  views.clear();
  $("log").replaceChildren();
  for (const turn of chat.turns) addTurn(turn);
  $("hint").hidden = chat.turns.length > 0;
  showFigures(lastLane() ?? newLane());
  showThoughts(lastLane() ?? newLane());
  follow(true);
  $("question").focus({ preventScroll: true });
}

function lastLane() {
  return chat.turns.at(-1)?.lanes[0];
}

/** The figures begin anew with each answer; the window's thoughts stand until it has others. */
function showNumbers(lane) {
  showFigures(lane);
  if (lane.account) showThoughts(lane);
}

function addTurn(turn) {
  const view = new TurnView(turn, on);
  views.set(turn, view);
  $("log").append(view.element);
  return view;
}

/** A new turn at the end, or in the place of one and of all behind it. */
function replaced(turn, question) {
  const at = turn ? chat.turns.indexOf(turn) : chat.turns.length;
  for (const gone of chat.turns.splice(at)) {
    views.get(gone).element.remove();
    views.delete(gone);
  }
  const lanes = $("beside").checked ? [newLane("drafts"), newLane("plain")] : [newLane()];
  const asked = { question, lanes };
  chat.turns.push(asked);
  return asked;
}

/** Has a turn answered, one lane after the other, so that they do not take each other's time. */
async function answer(turn) {
  const [first] = turn.lanes;
  const own = { chat, view: addTurn(turn) };
  running = new AbortController();
  const { signal } = running;
  $("hint").hidden = true;
  $("send").hidden = true;
  $("stop").hidden = false;
  document.body.classList.add("running");
  $("said").textContent = "The answer is being written.";
  follow(true);
  keepChat(chat);
  for (const lane of turn.lanes) own.view.begin(lane);
  for (const lane of turn.lanes) {
    if (signal.aborted || first.error) lane.stopped = true;
    else await fill(lane, turn, own, signal);
    own.view.end(lane);
    // Both lanes answer with the seed of the first.
    if (lane === first) turn.seed = lane.account?.seed;
  }
  keepChat(own.chat);
  if (own.chat === chat) showNumbers(first);
  running = null;
  document.body.classList.remove("running");
  $("stop").hidden = true;
  $("send").hidden = false;
  $("said").textContent = first.error ? `The answer failed: ${first.error}` : `The answer: ${first.text}`;
}

async function fill(lane, turn, { chat: asked, view }, signal) {
  const started = performance.now();
  const tell = () => asked === chat && showNumbers(lane);
  tell();
  try {
    if (!model) await loadModel();
    const { body, session } = requestFor(turn, lane, asked);
    body.outrider = { ...body.outrider, trace: true };
    lane.lossy = body.outrider.rule === "bild";
    for await (const chunk of ask(body, session, signal)) {
      take(lane, chunk, performance.now() - started);
      view.grow(lane);
      tell();
    }
  } catch (error) {
    if (signal.aborted) lane.stopped = true;
    else if (leaving) return;
    else if (error instanceof Refusal) Object.assign(lane, { error: error.message, wantsKey: error.wantsKey });
    else {
      console.error(error);
      lane.error = "This page made a mistake, which the browser's console names.";
    }
  }
  tell();
}

/** Who sets the two beside each other wants to see drafts, also where the edge would leave them out to save time. */
function beside(kind) {
  if (kind === "plain") return { draft: "off", patience_ms: undefined };
  if (kind !== "drafts") return {};
  const off = $("draft").value === "off";
  return { ...(off && { draft: undefined }), ...($("patience").value === "" && { patience_ms: Number(WAITS) }) };
}

/** What a lane asks, and the name of its Session. The lane without drafts has a Session of its own. */
function requestFor(turn, { kind }, asked) {
  const messages = [...messagesBefore(asked, turn), { role: "user", content: turn.question }];
  const body = requestOf(model, messages, { seed: turn.seed, outrider: beside(kind) });
  return { body, session: kind === "plain" ? `${asked.id}-plain` : asked.id };
}

/** Focus goes to the field: the button that had it is gone. */
function stop() {
  if (!running) return;
  running.abort();
  $("question").focus();
}

function edit(turn) {
  if (running) return;
  edited = turn;
  $("editing").hidden = false;
  $("question").value = turn.question;
  $("question").focus();
}

function keepAsItIs() {
  edited = null;
  $("editing").hidden = true;
  $("question").value = "";
}

function retrace() {
  if (!$("trace").checked) $("rejects").checked = false;
  $("log").classList.toggle("rejects", $("rejects").checked);
  for (const view of views.values()) view.draw();
}

function waits() {
  return $("patience").value === WAITS;
}

function nameSwitch() {
  $("show-drafts").textContent = waits() ? "Back to the fastest way" : "Show drafts at work";
}

function openSettings(field) {
  $("settings").showModal();
  $(field).focus();
}

/** The request of a turn, or the next one, as code. */
function showCode(turn) {
  const next = turn ?? { question: $("question").value.trim() || "Hello!", lanes: [newLane()] };
  const asked = turn ? chat : { id: chat.id, turns: [...chat.turns, next] };
  const { body } = requestFor(next, next.lanes[0], asked);
  const texts = codes(`${location.origin}/v1`, body, $("key").value !== "");
  const choose = () => {
    $("source").textContent = texts[$("language").value];
  };
  const before = $("language").value;
  $("language").replaceChildren(...Object.keys(texts).map((name) => make("option", name)));
  if (before) $("language").value = before;
  $("language").onchange = choose;
  $("code").querySelector(".copy")?.remove();
  $("code")
    .querySelector(".row")
    .append(
      Object.assign(
        copyButton(() => $("source").textContent),
        { className: "copy" },
      ),
    );
  choose();
  $("settings").close();
  $("code").showModal();
}

function openChats() {
  keepChat(chat);
  const rows = readChats().map((each) => {
    const title = titleOf(each);
    const row = make(
      "li",
      button(title, () => {
        $("chats").close();
        if (each.id !== chat.id) showChat(each);
      }),
      button(
        "Delete",
        () => {
          forgetChat(each.id);
          if (each.id === chat.id) showChat(newChat());
          row.remove();
          $("chats").querySelector("[data-close]").focus();
        },
        { ariaLabel: `Delete the chat: ${title}` },
      ),
    );
    return row;
  });
  $("kept").replaceChildren(...(rows.length > 0 ? rows : [make("li", "None yet.")]));
  $("chats").showModal();
}

/** Follows the answer unless the reader has scrolled up. */
function follow(always) {
  following ||= always;
  if (following) $("scroll").scrollTop = $("scroll").scrollHeight;
}
