/**
 * As much of a document as the page draws text with: nodes that can be put into each other, and read as one line of
 * text. It draws nothing, so that what is counted on it is the page's own work.
 */

class PaperNode {
  parentNode: PaperNode | null = null;
  childNodes: PaperNode[] = [];

  get firstChild(): PaperNode | undefined {
    return this.childNodes[0];
  }

  get lastChild(): PaperNode | undefined {
    return this.childNodes.at(-1);
  }

  /** Looked for from the end, where the page draws. */
  get nextSibling(): PaperNode | undefined {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.lastIndexOf(this) + 1];
  }

  append(...added: (PaperNode | string)[]): void {
    for (const node of added) this.#insert(this.childNodes.length, node);
  }

  replaceWith(node: PaperNode): void {
    const { parentNode } = this;
    const at = parentNode!.childNodes.lastIndexOf(this);
    this.remove();
    parentNode!.#insert(at, node);
  }

  remove(): void {
    const siblings = this.parentNode?.childNodes ?? [];
    siblings.splice(siblings.lastIndexOf(this), 1);
    this.parentNode = null;
  }

  replaceChildren(...nodes: (PaperNode | string)[]): void {
    for (const node of this.childNodes) node.parentNode = null;
    this.childNodes = [];
    this.append(...nodes);
  }

  #insert(at: number, given: PaperNode | string): void {
    const node = typeof given === "string" ? new PaperText(given) : given;
    const nodes = node instanceof PaperFragment ? node.childNodes.splice(0) : [node];
    if (node.parentNode) node.remove();
    for (const each of nodes) each.parentNode = this;
    this.childNodes.splice(at, 0, ...nodes);
  }
}

class PaperText extends PaperNode {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override toString(): string {
    return JSON.stringify(this.text);
  }
}

class PaperFragment extends PaperNode {}

class PaperElement extends PaperNode {
  readonly tagName: string;
  readonly classList = new Classes();
  className = "";
  href?: string;
  start?: number;

  constructor(tag: string) {
    super();
    this.tagName = tag.toUpperCase();
  }

  /** Such as `p("a ", strong("b"))`. */
  override toString(): string {
    const { tagName, href, start } = this;
    const about = href === undefined ? (start === undefined ? "" : ` ${start}`) : ` ${href}`;
    return `${tagName.toLowerCase()}${about}(${this.childNodes.join(", ")})`;
  }
}

class Classes extends Set<string> {
  contains(name: string): boolean {
    return this.has(name);
  }

  remove(name: string): void {
    this.delete(name);
  }

  toggle(name: string, on: boolean): void {
    if (on) this.add(name);
    else this.delete(name);
  }
}

/** What the page's scripts take for the browser's. */
export const PAPER = {
  document: { createElement: (tag: string) => new PaperElement(tag) },
  DocumentFragment: PaperFragment,
};

export type Paper = PaperElement;
