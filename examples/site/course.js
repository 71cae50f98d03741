/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
/// <reference path="learner.js" />
/// <reference path="python.js" />
/// <reference path="editor.js" />
// The course: exercises in a list, one of them in the editor, and what the terminal's commands say of it.

const { chapters, exercises, addresses } = JSON.parse(byId("data").textContent);
const learner = new Learner(Object.fromEntries(exercises.map(({ file, text }) => [file, text])));
const MEGABYTE = 2 ** 20;
const GRACE = 2; // seconds over an exercise's limit
let current = exercises.find(({ name }) => name === learner.progress.current) ?? exercises[0];
let editor;

const python = new Python(addresses, ({ loading, bytes }) => {
  byId("loaded").value = (100 * bytes) / addresses.bytes;
  byId("loading").lastElementChild.textContent = `${loading}: ${(bytes / MEGABYTE).toFixed(1)} MB`;
});
python.worker.ready.then(
  () => (byId("loading").hidden = true),
  (error) => (byId("loading").textContent = `Python does not start: ${error.message}`),
);

function list() {
  const passed = learner.progress.passed ?? {};
  const row = (exercise) => {
    const choose = { type: "button", click: () => open(exercise), "aria-current": exercise === current && "step" };
    const done = exercise.name in passed && "✓ ";
    return element("li", {}, element("button", choose, done, `${exercise.name} ${exercise.title}`));
  };
  const chapter = ([number, title]) => {
    const own = exercises.filter(({ name }) => name.split(".")[0] === number);
    const rows = element("ol", {}, own.map(row));
    return element("details", { open: own.includes(current) }, element("summary", {}, `${number} ${title}`), rows);
  };
  fill(byId("list"), Object.entries(chapters).map(chapter));
}

function open(exercise) {
  current = exercise;
  byId("title").textContent = `${exercise.name} ${exercise.title}`;
  editor?.show(learner.text(exercise.file));
  byId("said").textContent = "";
  list();
}

/** Carry out a command on the current exercise, or on one by its name; {passed, text}, as the page shows it. */
async function run(command, flag = [], exercise = current) {
  byId("stop").hidden = false;
  const request = { command, name: exercise.name, flag, files: learner.files };
  const answer = await python.ask(request, exercise.seconds + GRACE);
  byId("stop").hidden = true;
  if (answer === null) {
    const text = `${exercise.name} was stopped: it did not end within ${exercise.seconds} seconds. Your text is kept.`;
    byId("said").textContent = text;
    return { passed: false, text };
  }
  const { passed, text, files } = answer;
  learner.write(files);
  byId("said").textContent = text.trim();
  if (exercise === current && editor && editor.editor.state.doc.toString() !== learner.text(exercise.file))
    editor.show(learner.text(exercise.file));
  list();
  return { passed, text };
}

startTheme();
open(current);
for (const command of ["check", "why", "hint", "reset"]) byId(command).onclick = () => run(command);
byId("solution").onclick = () => run("solution", [false]);
byId("stop").onclick = () => python.stop();
byId("next").onclick = () => open(exercises[(exercises.indexOf(current) + 1) % exercises.length]);
byId("chapters").onclick = () => {
  const shown = byId("list").classList.toggle("shown");
  byId("chapters").setAttribute("aria-expanded", String(shown));
};
editorIn(
  byId("editor"),
  (text) => learner.edit(current.file, text),
  () => run("check"),
).then((made) => ((editor = made), open(current)));

globalThis.course = {
  check: async (name, text) => {
    const exercise = exercises.find((e) => e.name === name);
    open(exercise);
    learner.edit(exercise.file, text);
    return run("check", [], exercise);
  },
};
