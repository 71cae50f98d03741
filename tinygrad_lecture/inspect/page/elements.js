// Elements of a page, made and found.

// An element with attributes and children; texts never become HTML. A function among the attributes is called at the
// event of its name. Children may be lists; what is false or empty is left out.
function element(tag, attributes = {}, ...children) {
  return completed(document.createElement(tag), attributes, children);
}

function svgElement(tag, attributes, ...children) {
  return completed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function completed(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...childrenIn(children));
  return made;
}

// Put children in the place of those that an element has.
function fill(place, ...children) {
  place.replaceChildren(...childrenIn(children));
}

function childrenIn(list) {
  return list.flat(Infinity).filter(Boolean);
}

// What makes elements of a kind, of their children.
const maker =
  (tag, attributes = {}) =>
  (...children) =>
    element(tag, attributes, ...children);
const [h2, h3, li, tr, td, kbd, br] = ["h2", "h3", "li", "tr", "td", "kbd", "br"].map((tag) => maker(tag));
const [columnHead, rowHead] = ["col", "row"].map((scope) => maker("th", { scope }));
const hint = maker("p", { class: "hint" });

function paragraph(kind, ...children) {
  return element("p", { class: kind }, ...children);
}

// The head of a table, with names of the columns after the first one.
function tableHead(names) {
  const heads = names.map((name) => columnHead(name));
  return element("thead", {}, tr(td(), heads));
}

// Names, and what is said of each, in two columns; a name of which there is nothing to say is left out.
function facts(rows) {
  const told = rows.filter(([, said]) => said && said.length !== 0);
  const parts = told.map(([name, said]) => [element("dt", {}, name), element("dd", {}, said)]);
  return element("dl", { class: "facts" }, parts);
}

function styled(made, style) {
  Object.assign(made.style, style);
  return made;
}

// A text that leads to what it names; as part of a path without an action where one is there already.
function link(label, action, attributes = {}) {
  if (!action) return element("span", { "aria-current": "true" }, label);
  return button(label, action, { class: "text", ...attributes });
}

function button(label, action, attributes = {}) {
  const parts = label.split(/(?<=\.)/).map((part, i) => [i > 0 && element("wbr"), part]); // a long name breaks at its points
  return element("button", { type: "button", click: action, ...attributes }, parts);
}

// Elements with a sign between them.
function joined(parts, sign) {
  return parts.flatMap((part, i) => (i ? [sign, part] : [part]));
}

/**
 * An element of the page, of whatever kind.
 * @returns {HTMLInputElement & Pick<HTMLSelectElement, "options"> & Pick<HTMLCanvasElement, "getContext">}
 */
function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}
