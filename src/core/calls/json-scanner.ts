/** Finds the end of a JSON value in text that arrives in pieces. */
export class JsonScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;

  /** Whether anything but space has been read. */
  get begun(): boolean {
    return this.#begun;
  }

  /** How many characters of `text` belong to the value, and whether it ends there. */
  read(text: string): { readonly length: number; readonly ended: boolean } {
    for (let at = 0; at < text.length; at++) {
      const char = text[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (char === "\\") this.#escaped = true;
        else if (char === '"') {
          this.#inString = false;
          if (this.#depth === 0) return { length: at + 1, ended: true };
        }
        continue;
      }
      const closes = char === "}" || char === "]";
      // A number or a word ends before whatever cannot be a part of it.
      if (this.#depth === 0 && this.#begun && (closes || /[\s,]/.test(char))) return { length: at, ended: true };
      this.#begun ||= !/\s/.test(char);
      if (char === '"') this.#inString = true;
      else if (char === "{" || char === "[") this.#depth++;
      else if (closes && --this.#depth === 0) return { length: at + 1, ended: true };
    }
    return { length: text.length, ended: false };
  }
}
