/**
 * The responses of a Session in SQLite, a row each: what its request added to the conversation, and what was answered.
 * `previous` leads from one to the one before, so a conversation may branch. They end with all that the Session stores.
 */
import type { ChatMessage } from "../../../core/model/chat.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Generation } from "../../prompt/generation.ts";
import { storageFailed, tellStorageFailure } from "../../store/storage-failure.ts";
import { Table } from "../../store/table.ts";
import { MAX_MESSAGES } from "../openai/request-schemas.ts";
import type { Form } from "../openai/stream.ts";
import type { Head } from "../outcome.ts";
import { responsesForm } from "./form.ts";
import { itemAt } from "./ids.ts";
import { assistantOf, type Item, type ResponseObject } from "./object.ts";
import { type ResponsesDialect, unknownResponse } from "./request.ts";

/** A row, as it is kept. */
interface ResponseRow {
  readonly previous: string | null;
  /** JSON of the request's own messages. */
  readonly messages: string;
  /** JSON of the response, with what was answered. */
  readonly response: string;
}

/** Characters of all rows together. The oldest rows make room for new ones. */
const MOST_CHARACTERS = 4 << 20;

/** Older rows have the text of the answer once more in `answer`. */
const COLUMNS = "(id TEXT PRIMARY KEY, previous TEXT, messages TEXT, answer TEXT, response TEXT, size INTEGER)";

export class ResponseStore {
  readonly #table: Table;
  /** Whether anything could be read here. */
  readonly #readable: boolean;
  /** Whether there is any; undefined before that was looked for. */
  #some: boolean | undefined;

  constructor(storage: DurableObjectStorage | null) {
    this.#table = new Table(storage, "responses", COLUMNS);
    this.#readable = storage !== null;
  }

  /** Whether any response is stored here, so that the conversation stays where it is. */
  get some(): boolean {
    const first = (sql: SqlStorage) => sql.exec("SELECT 1 FROM responses LIMIT 1").toArray().length > 0;
    this.#some ??= this.#table.read(first) ?? false;
    return this.#some;
  }

  /** The object itself; undefined where it is not known. */
  response(id: string): string | undefined {
    return this.#row(id)?.response;
  }

  /** Whether there was one. */
  delete(id: string): boolean {
    if (!this.#row(id)) return false;
    this.#table.write((sql) => sql.exec("DELETE FROM responses WHERE id = ?", id));
    return true;
  }

  /**
   * A turn that makes a response. Throws `previous_response_not_found` and, for an item, `invalid_request`, both 400,
   * or `storage_failed` where nobody can know.
   */
  turn(asked: Generation, dialect: ResponsesDialect): ResponseTurn {
    const { input } = asked;
    const { previous, instructed, references } = dialect;
    const given = input.kind === "chat" ? input.messages : [];
    const referred = this.#reader();
    const own = given.map((message, at) => {
      const quoted = (references[at] ?? []).map(referred);
      const calls = [...quoted.flatMap(({ calls = [] }) => calls), ...(message.calls ?? [])];
      const content = message.content + quoted.map(({ content }) => content).join("");
      return { ...message, content, ...(calls.length > 0 && { calls }) };
    });
    const before = previous === null ? [] : this.#conversation(previous);
    const messages = [...own.slice(0, instructed), ...before, ...own.slice(instructed)];
    const generation: Generation = { ...asked, input: { kind: "chat", messages } };
    const added = own.slice(instructed);
    return new ResponseTurn(generation, dialect, (response) => this.#save(response, added, previous));
  }

  /** @param own the messages of the request itself, without instructions */
  #save(response: ResponseObject, own: readonly ChatMessage[], previous: string | null): void {
    const row = [response.id, previous, JSON.stringify(own), JSON.stringify(response)];
    const size = row.reduce((sum, text) => sum + (text?.length ?? 0), 0);
    this.#table.write((sql) => {
      const columns = "id, previous, messages, response, size";
      sql.exec(`INSERT OR REPLACE INTO responses (${columns}) VALUES (?, ?, ?, ?, ?)`, ...row, size);
      const newest = "SELECT rowid, SUM(size) OVER (ORDER BY rowid DESC) AS sum FROM responses";
      sql.exec(`DELETE FROM responses WHERE rowid IN (SELECT rowid FROM (${newest}) WHERE sum > ?)`, MOST_CHARACTERS);
    });
    this.#some = true;
  }

  /** All is gone. */
  forget(): void {
    this.#some = false;
  }

  /** From the first message on. */
  #conversation(last: string): ChatMessage[] {
    const turns: ChatMessage[][] = [];
    let messages = 0;
    for (let id: string | null = last; id !== null; ) {
      const row = this.#row(id);
      if (!row) throw unknownResponse(id);
      const turn = [...(JSON.parse(row.messages) as ChatMessage[]), assistantOf(outputOf(row))];
      messages += turn.length;
      if (messages > MAX_MESSAGES) throw tooMany();
      turns.push(turn);
      id = row.previous;
    }
    return turns.reverse().flat();
  }

  /**
   * Says what the assistant said in an item of a stored response, which is given by its id. Each response and each item
   * is read once, however often a request refers to it.
   */
  #reader(): (id: string) => ChatMessage {
    const outputs = new Map<string, readonly Item[]>();
    const read = new Map<string, { readonly message: ChatMessage; readonly length: number }>();
    let left = MOST_CHARACTERS;
    return (id) => {
      const item = read.get(id) ?? this.#referenced(id, outputs);
      read.set(id, item);
      left -= item.length;
      if (left >= 0) return item.message;
      throw new OutriderError(
        "context_length_exceeded",
        `input: its item_references lead to more than ${MOST_CHARACTERS} characters, the limit; send fewer`,
        { param: "input" },
      );
    };
  }

  /** @param outputs those of the responses that were read before */
  #referenced(id: string, outputs: Map<string, readonly Item[]>) {
    const place = itemAt(id);
    const row = place && !outputs.has(place.response) && this.#row(place.response);
    if (row) outputs.set(place.response, outputOf(row));
    const item = place && outputs.get(place.response)?.[place.at];
    if (item) return { message: assistantOf([item]), length: JSON.stringify(item).length };
    throw new OutriderError(
      "invalid_request",
      "input: an item_reference leads to nothing that is stored here; send the items themselves",
      { param: "input" },
    );
  }

  #row(id: string): ResponseRow | undefined {
    if (!this.#readable)
      throw storageFailed("what this goes on from cannot be read; send the whole conversation as input");
    const select = "SELECT previous, messages, response FROM responses WHERE id = ?";
    return this.#table.read((sql) => sql.exec(select, id).toArray()[0] as ResponseRow | undefined);
  }
}

const tooMany = () =>
  new OutriderError(
    "invalid_request",
    `previous_response_id: the conversation has more than ${MAX_MESSAGES} messages, the limit; begin a new one`,
    { param: "previous_response_id" },
  );

const outputOf = ({ response }: ResponseRow): readonly Item[] => (JSON.parse(response) as ResponseObject).output;

/** What is generated for a response, how it is written, and how it is stored when it has come to its end. */
export class ResponseTurn {
  readonly generation: Generation;
  readonly #dialect: ResponsesDialect;
  readonly #save: (response: ResponseObject) => void;

  constructor(generation: Generation, dialect: ResponsesDialect, save: (response: ResponseObject) => void) {
    this.generation = generation;
    this.#dialect = dialect;
    this.#save = save;
  }

  form(head: Head): Form {
    return responsesForm(head, this.#dialect, this.generation, (response) => this.#stored(response));
  }

  /** Whether there is something to store. */
  get stores(): boolean {
    return this.#dialect.store;
  }

  /** False where it was to be stored and is not. */
  #stored(response: ResponseObject): boolean {
    try {
      if (this.stores) this.#save(response);
      return true;
    } catch (error) {
      tellStorageFailure("responses are answered and not stored", error);
      return false;
    }
  }
}
