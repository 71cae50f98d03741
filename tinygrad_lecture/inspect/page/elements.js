// Elements of a page, made and found.

// An element with attributes and children; texts never become HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

function paragraph(kind, ...children) {
  return element("p", { class: kind }, ...children);
}

// A text that leads to what it names; as part of a path without an action where one is there already.
function link(label, action, attributes = {}) {
  if (!action) return element("span", { "aria-current": "true" }, label);
  return button(label, action, { class: "text", ...attributes });
}

// Elements with a sign between them.
function joined(parts, sign) {
  return parts.flatMap((part, i) => (i ? [sign, part] : [part]));
}

function svgElement(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * An element of the page, of whatever kind.
 * @returns {HTMLInputElement & Pick<HTMLSelectElement, "options"> & Pick<HTMLCanvasElement, "getContext">}
 */
function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}

function button(label, action, attributes = {}) {
  const parts = label.split(/(?<=\.)/).flatMap((part, i) => (i ? [element("wbr"), part] : [part])); // a long name breaks at its points
  const made = element("button", { type: "button", ...attributes }, ...parts);
  made.addEventListener("click", action);
  return made;
}
