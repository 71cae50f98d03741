/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
/// <reference path="learner.js" />
/// <reference path="python.js" />
/// <reference path="editor.js" />
/// <reference path="loading.js" />
// The course: exercises in a list, one of them in the editor, and what the terminal's commands say of it.

const { chapters, exercises, addresses } = JSON.parse(byId("data").textContent);
const given = Object.fromEntries(exercises.map(({ file, text }) => [file, text]));
const learner = new Learner(given, () => show("Another tab has written in your folder; this one shows it."));
const python = loading(addresses, "course");
const LETTER = 8.5; // pixels of a letter of what is said
let current = exercises.find(({ name }) => name === learner.progress.current) ?? exercises[0];
let editor;

function list() {
  const passed = learner.progress.passed ?? {};
  const row = (exercise) => {
    const choose = { type: "button", click: () => open(exercise), "aria-current": exercise === current && "step" };
    const done = exercise.name in passed && element("span", { "aria-label": "done" }, "✓ ");
    return li(element("button", choose, done, `${exercise.name} ${exercise.title}`));
  };
  const chapter = ([number, title]) => {
    const own = exercises.filter(({ name }) => name.split(".")[0] === number);
    const rows = element("ol", {}, own.map(row));
    return element("details", { open: own.includes(current) }, element("summary", {}, `${number} ${title}`), rows);
  };
  fill(byId("list"), Object.entries(chapters).map(chapter));
  byId("count").textContent = `${Object.keys(passed).length} of ${exercises.length} done`;
}

/** The docstring of an exercise's file, without the title: paragraphs, and formulas as they are written. */
function words({ text }) {
  const blocks = text.slice(text.indexOf("\n"), text.indexOf('"""', 3)).split(/\n\s*\n/);
  return blocks
    .filter((block) => block.trim())
    .map((block) =>
      /^\n? {4}/.test(block)
        ? element("pre", { tabindex: 0 }, block.replace(/^\n/, ""))
        : element("p", {}, block.trim()),
    );
}

function open(exercise) {
  current = exercise;
  if (learner.progress.current !== exercise.name) learner.goTo(exercise.name);
  byId("drawer").toggleAttribute("open", innerWidth > 700);
  byId("title").textContent = `${exercise.name}  ${exercise.title}`;
  fill(byId("words"), words(exercise));
  editor?.show(learner.text(exercise.file));
  show("");
}

/** Show what is said of the current exercise, its first line in a colour if that is a verdict, and what is in its file now. */
function show(text) {
  const [first, ...rest] = text.split("\n");
  const kind = /  Right!$/.test(first) ? "right" : /  Not yet\.$/.test(first) && "wrong";
  fill(
    byId("said"),
    element("b", { class: kind }, first),
    rest.map((line) => `\n${line}`),
  );
  for (const name of ["check", "next"]) byId(name).classList.toggle("main", (name === "next") === (kind === "right"));
  const now = learner.text(current.file);
  if (editor && editor.text() !== now) editor.show(now);
  const places = [...text.matchAll(/([\w/]+\.py):(\d+)/g)].filter(([, file]) => file.endsWith(current.file));
  if (editor && places.length) editor.mark(Number(places.at(-1)[2]));
  byId("kept").hidden = learner.kept;
  list();
}

/** Carry out a command on the current exercise, or on one by its name; {passed, text}, as the page shows it. */
async function run(command, { flag = [], exercise = current, ended = "" } = {}) {
  const { files } = learner;
  const columns = Math.floor(byId("said").clientWidth / LETTER);
  const request = { command, name: exercise.name, flag, files, ended, columns };
  let [doing, stopped] = [exercise.name, false];
  byId("said").textContent = byId("loading").hidden ? "..." : "Python is on its way; the answer comes when it is here.";
  byId("stop").hidden = false;
  byId("stop").onclick = () => ((stopped = true), python.stop());
  const said = await python
    .ask("course.answer", request, 60, (told) => (doing = told.doing))
    .catch(({ message }) => {
      const text = byId("loading").hidden ? `${doing} ended Python. Was its memory full? ${message}` : message;
      return { passed: false, files, text };
    });
  byId("stop").hidden = true;
  if (said === null && !stopped) return run(command, { flag, exercise, ended: doing });
  const { passed, text, files: after } = said ?? { passed: false, text: `${doing} was stopped.`, files };
  learner.merge(files, after);
  show(text);
  return { passed, text };
}

/** Open another folder in the place of this one. */
async function choose({ target }) {
  try {
    const unknown = await learner.open([...target.files]);
    open(exercises.find(({ name }) => name === learner.progress.current) ?? current);
    show(unknown ? `${unknown} of its files are of no exercise here: it is of another version. They are kept.` : "");
    byId("undo").hidden = false;
  } catch ({ message }) {
    show(`${message} Nothing was changed.`);
  }
  target.value = "";
}

const KEYS = { w: "why", h: "hint", s: "solution" };
let asked; // the exercise whose solution was asked for last: it is shown when it is asked for again

function command(name) {
  if (!byId("stop").hidden) return; // another one is at work
  const again = asked === current;
  asked = name === "solution" ? current : null;
  if (name === "solution" && !again) show(`A solution of ${current.name}? Once more s shows it; h gives a hint.`);
  else run(name, { flag: name === "solution" ? [false] : [] });
}

async function download() {
  const link = element("a", { href: URL.createObjectURL(new Blob([await learner.zip()])), download: "exercises.zip" });
  link.click();
  URL.revokeObjectURL(link.href);
}

startTheme();
open(current);
for (const name of ["check", "reset", ...Object.values(KEYS)]) byId(name).onclick = () => command(name);
byId("take").onclick = () => run("solution", { flag: [true] });
byId("next").onclick = () => open(exercises[(exercises.indexOf(current) + 1) % exercises.length]);
byId("download").onclick = download;
for (const name of ["zip", "folder"]) byId(name).onchange = choose;
byId("undo").hidden = !learner.before;
byId("undo").onclick = () => (learner.write(learner.before), open(current));
addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
  if (ctrlKey || metaKey || altKey || document.activeElement.closest("input, .cm-editor")) return;
  if (KEYS[key]) command(KEYS[key]);
});
editorIn(
  byId("editor"),
  (text) =>
    text !== learner.text(current.file) && (learner.edit(current.file, text), (byId("kept").hidden = learner.kept)),
  { "Mod-Enter": () => command("check") },
  "Your file",
).then(
  (made) => ((editor = made), editor.show(learner.text(current.file))),
  ({ message }) => (byId("editor").textContent = `The editor does not come; what you wrote is kept. ${message}`),
);

globalThis.course = {
  check: async (name, text) => {
    const exercise = exercises.find((e) => e.name === name);
    learner.edit(exercise.file, text);
    open(exercise);
    return run("check", { exercise });
  },
};
