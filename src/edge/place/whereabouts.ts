/**
 * Where a Session is, in SQLite, one row: the region that it was asked to be in and why, and, once its conversation has
 * been moved to a new object, which. An object cannot ask where it is.
 */
import type { Region } from "../../core/verify/region.ts";
import type { Placement } from "../api/placement-schema.ts";
import { Table } from "../store/table.ts";

/** A region that an object was asked to be in. */
export type Asked = Pick<Placement, "region" | "why">;

/** The object that a conversation goes on in. */
export interface Moved extends Asked {
  /** How often it has been moved. */
  readonly moves: number;
}

type Row = { region: Region | null; why: Placement["why"]; moves: number | null };

export class Whereabouts {
  readonly #table: Table;
  #asked: Asked | null = null;
  #moved: Moved | null = null;
  #stored = false;

  constructor(storage: DurableObjectStorage | null) {
    const columns = "(id INTEGER PRIMARY KEY CHECK (id = 0), region TEXT, why TEXT NOT NULL, moves INTEGER)";
    this.#table = new Table(storage, "place", columns);
    const row = this.#table.read((sql) => sql.exec<Row>("SELECT region, why, moves FROM place").toArray()[0]);
    if (!row) return;
    const { moves, ...asked } = row;
    this.#stored = true;
    if (moves === null) this.#asked = asked;
    else this.#moved = { ...asked, moves };
  }

  /** Where this object was asked to be; null where nobody knows any more. */
  get asked(): Asked | null {
    return this.#asked;
  }

  /** Where its conversation went; null while it is here. */
  get moved(): Moved | null {
    return this.#moved;
  }

  /** This object is new. Kept in memory until `save`. */
  arrive({ region, why }: Asked): void {
    this.#asked ??= { region, why };
  }

  /** Writes down where it is, once. */
  save(): void {
    if (this.#stored || !this.#asked) return;
    this.#write(this.#asked, null);
    this.#stored = true;
  }

  /** Writes down that its conversation goes on elsewhere. */
  leave(moved: Moved): void {
    this.#write(moved, moved.moves);
    this.#moved = moved;
  }

  /** The storage has been deleted. */
  forget(): void {
    this.#asked = null;
    this.#moved = null;
    this.#stored = false;
  }

  #write({ region, why }: Asked, moves: number | null): void {
    this.#table.write((sql) => sql.exec("INSERT OR REPLACE INTO place VALUES (0, ?, ?, ?)", region, why, moves));
  }
}
