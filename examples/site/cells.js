/// <reference path="plain.js" />
/// <reference path="editor.js" />
/// <reference path="loading.js" />
// Cells of a notebook: each can be edited and run, in order, in one Python.

const SECONDS = 60; // that a cell may take
const KEPT = `cells: ${document.title}`; // the name that edits are kept under
const GONE = "The names of all cells are gone, so the next run begins at the top.";
const { addresses } = JSON.parse(byId("data").textContent) ?? {};
const waiting = []; // cells to run next
let python, running, stopped;

const say = (text) => (byId("ran").textContent = text);
const nodes = (html) => [...new DOMParser().parseFromString(html, "text/html").body.childNodes];

/** What one has written: the text of a cell as it was given -> as it is now. */
function edits() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {}; // there is no storage
  }
}

class Cell {
  constructor(place, index) {
    this.number = index + 1;
    this.code = place.children[0];
    this.shown = place.children[1];
    this.editor = null; // promised, from when the cell is near the screen
    this.ran = false;
    this.given = this.code.textContent;
    this.first = [...this.shown.childNodes];
    this.text = edits()[this.given] ?? this.given;
    this.code.textContent = this.text;
    this.reset = button("As it was", () => this.put(this.given), { hidden: this.text === this.given });
    const told = { "aria-label": `Run cell ${this.number}`, title: "Ctrl+Enter" };
    this.shown.before(
      element(
        "div",
        { class: "buttons" },
        button("Run", () => run(this), told),
        this.reset,
      ),
    );
    const near = (changes) => changes.at(-1).isIntersecting && this.edit().catch(({ message }) => say(message));
    new IntersectionObserver(near, { rootMargin: "200px" }).observe(this.code);
  }

  edit() {
    return (this.editor ??= this.edited());
  }

  async edited() {
    const place = element("div", { class: "editor" });
    this.code.after(place);
    const keys = { "Mod-Enter": () => run(this), "Shift-Enter": () => (run(this), this.next()) };
    const editor = await editorIn(place, (text) => this.keep(text), keys, `Cell ${this.number}`);
    editor.show(this.text);
    this.code.remove();
    return editor;
  }

  async next() {
    (await inOrder[this.number]?.edit())?.focus();
  }

  keep(text) {
    this.text = text;
    this.ran = false;
    this.reset.hidden = text === this.given;
    const { [this.given]: _, ...others } = edits();
    try {
      localStorage.setItem(KEPT, JSON.stringify(text === this.given ? others : { ...others, [this.given]: text }));
    } catch {
      say("The browser does not keep what you write here: it is a private window, or no room is left.");
    }
  }

  async put(text) {
    this.keep(text);
    (await this.edit()).show(text);
    if (text === this.given) fill(this.shown, this.first);
  }

  /** Run it, and show what it shows. Returns why those after it do not run, or "". */
  async run() {
    this.ran = true;
    stopped = false;
    const request = { cell: this.number, text: this.text };
    const answer = await python.ask("cells.answer", request, SECONDS).catch(({ message }) => message);
    if (typeof answer === "string" || !answer) {
      for (const cell of inOrder) cell.ran = false;
      fill(this.shown);
      const late = stopped ? "was stopped" : `took more than ${SECONDS} seconds`;
      return `Cell ${this.number} ${answer ? `ended Python, as a full memory does: ${answer}` : late}. ${GONE}`;
    }
    fill(this.shown, nodes(answer.html));
    if (answer.line) (await this.edit()).mark(answer.line);
    this.ran = !answer.error;
    return answer.error && `Cell ${this.number}: ${answer.error}`;
  }
}

/** Run a cell, after those above it that have not run as they are now. */
function run(cell) {
  const above = inOrder.slice(0, cell.number - 1).filter((one) => !one.ran);
  waiting.push(...[...above, cell].filter((one) => !waiting.includes(one)));
  return (running ??= runAll().finally(() => ((running = null), (byId("stop").hidden = true))));
}

async function runAll() {
  python ??= loading(addresses, "cells");
  say("");
  try {
    await python.ready;
  } catch {
    python = null; // the page says why; the next run tries again
    waiting.length = 0;
    return;
  }
  byId("stop").hidden = false;
  const done = [];
  while (waiting.length) {
    const cell = waiting.shift();
    const after = waiting.length ? `, then ${waiting.map(({ number }) => number).join(", ")}` : "";
    say(`Cell ${cell.number} runs${after} ...`);
    const why = await cell.run();
    if (why) {
      waiting.length = 0;
      return say(why);
    }
    done.push(cell.number);
  }
  say(`${done.length > 1 ? "Cells" : "Cell"} ${done.join(", ")} ran.`);
}

const inOrder =
  addresses && location.protocol !== "file:"
    ? [...document.querySelectorAll(".cell")].map((place, index) => new Cell(place, index))
    : [];
if (addresses) {
  if (!inOrder.length) say(FROM_DISK);
  byId("all").hidden = !inOrder.length;
  byId("all").onclick = () => {
    for (const cell of inOrder) cell.ran = false;
    run(inOrder.at(-1));
  };
  byId("stop").onclick = () => ((stopped = true), python.stop());
}

globalThis.notebook = {
  run: async (number, text) => {
    const cell = inOrder[number - 1];
    await cell.put(text);
    await run(cell);
    return { passed: cell.ran, text: cell.shown.textContent };
  },
};
