/** What the page's scripts build it with. Text enters as text nodes; there is no way to HTML here. */

export const $ = (id) => document.getElementById(id);

/** An element of children, which are nodes or text. */
export function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** The same with a class, where nothing else is to be set. */
export const classed = (tag, className, ...children) => Object.assign(make(tag, ...children), { className });

export const button = (text, onclick, props = {}) =>
  Object.assign(make("button", text), { type: "button", onclick, ...props });

/** Copies, and says so on the button. */
export const copyButton = (textOf, props) => {
  const made = button(
    "Copy",
    async () => {
      await copy(textOf());
      made.textContent = "Copied";
      setTimeout(() => {
        made.textContent = "Copy";
      }, 1500);
    },
    props,
  );
  return made;
};

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages served over plain HTTP have no clipboard of their own.
  const field = Object.assign(make("textarea"), { value: text });
  const host = document.querySelector("dialog[open]") ?? document.body;
  host.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
