/** Conversations, kept in this browser: the newest first, 20 at most. */
const MOST = 20;
const NAME = "chats";

/** An id finds the conversation's Session again. */
export const newChat = () => ({ id: crypto.randomUUID?.() ?? uuid(), turns: [] });

/** Pages served over plain HTTP have no randomUUID. */
const uuid = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function readChats() {
  try {
    const chats = JSON.parse(localStorage.getItem(NAME));
    return Array.isArray(chats) ? chats : [];
  } catch {
    return [];
  }
}

/** Writes a chat in front of the others, which another tab may have changed meanwhile. */
export function keepChat(chat) {
  if (chat.turns.length > 0) write([chat, ...readChats().filter(({ id }) => id !== chat.id)].slice(0, MOST));
}

export const forgetChat = (gone) => write(readChats().filter(({ id }) => id !== gone));

/** Where there is no room, the oldest chats go. */
function write(chats) {
  for (let count = chats.length; count >= 0; count--) {
    try {
      localStorage.setItem(NAME, JSON.stringify(chats.slice(0, count)));
      return;
    } catch {
      // Fewer may fit. Where storage is closed to the page, none do.
    }
  }
}

export const titleOf = ({ turns }) => turns[0]?.question.trim().split("\n")[0].slice(0, 80) ?? "";

/** The messages before a turn, as the API takes them. Questions without an answer are left out. */
export const messagesBefore = ({ turns }, turn) =>
  turns
    .slice(0, turns.indexOf(turn))
    .filter(({ lanes }) => lanes[0].text !== "")
    .flatMap(({ question, lanes }) => [
      { role: "user", content: question },
      { role: "assistant", content: lanes[0].text },
    ]);
