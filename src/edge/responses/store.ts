/**
 * The responses of a Session in SQLite, a row each: what its request added to the conversation, and what was answered.
 * `previous` leads from one to the one before, so a conversation may branch. They end with all that the Session stores.
 */
import type { ChatMessage } from "../../model/chat.ts";
import { OutriderError } from "../../model/errors.ts";
import type { Generation } from "../generation.ts";
import type { Head } from "../reply.ts";
import type { Form } from "../stream.ts";
import { Table } from "../table.ts";
import { responsesForm } from "./form.ts";
import { itemAt } from "./ids.ts";
import { assistantOf, type Item, type ResponseObject } from "./object.ts";
import { type ResponsesDialect, unknownResponse } from "./request.ts";

/** A row, as it is kept. */
interface Stored {
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
  /** Whether there is any; undefined before that was looked for. */
  #some: boolean | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#table = new Table(storage, "responses", COLUMNS);
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
   * A turn that makes a response. Throws `previous_response_not_found` and, for an item, `invalid_request`, both 400.
   */
  turn(asked: Generation, dialect: ResponsesDialect): ResponseTurn {
    const { input } = asked;
    const { previous, instructed, references } = dialect;
    const given = input.kind === "chat" ? input.messages : [];
    const own = given.map((message, at) => {
      const said = assistantOf((references[at] ?? []).map((id) => this.#referenced(id)));
      const calls = [...(said.calls ?? []), ...(message.calls ?? [])];
      return { ...message, content: message.content + said.content, ...(calls.length > 0 && { calls }) };
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
    for (let id: string | null = last; id !== null; ) {
      const row = this.#row(id);
      if (!row) throw unknownResponse(id);
      turns.push([...(JSON.parse(row.messages) as ChatMessage[]), assistantOf(outputOf(row))]);
      id = row.previous;
    }
    return turns.reverse().flat();
  }

  /** An item of a stored response. */
  #referenced(id: string): Item {
    const place = itemAt(id);
    const row = place && this.#row(place.response);
    const item = row && outputOf(row)[place.at];
    if (item) return item;
    throw new OutriderError(
      "invalid_request",
      "input: an item_reference leads to nothing that is stored here; send the items themselves",
      { param: "input" },
    );
  }

  #row(id: string): Stored | undefined {
    const select = "SELECT previous, messages, response FROM responses WHERE id = ?";
    return this.#table.read((sql) => sql.exec(select, id).toArray()[0] as Stored | undefined);
  }
}

const outputOf = ({ response }: Stored): readonly Item[] => (JSON.parse(response) as ResponseObject).output;

/** What is generated for a response, how it is written, and how it is stored once it has come to its end. */
export class ResponseTurn {
  readonly generation: Generation;
  readonly #dialect: ResponsesDialect;
  readonly #save: (response: ResponseObject) => void;
  #ended: (() => void) | null = null;

  constructor(generation: Generation, dialect: ResponsesDialect, save: (response: ResponseObject) => void) {
    this.generation = generation;
    this.#dialect = dialect;
    this.#save = save;
  }

  form(head: Head): Form {
    return responsesForm(head, this.#dialect, this.generation, (response) => {
      if (this.#dialect.store) this.#ended = () => this.#save(response);
    });
  }

  /** Whether there is something to store. */
  get stores(): boolean {
    return this.#ended !== null;
  }

  save(): void {
    this.#ended?.();
  }
}
