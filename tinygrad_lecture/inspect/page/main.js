// The page: reads the data, and shows the step that buttons, keys or the address name.

const data = JSON.parse(byId("data").textContent);
const place = new Place(data);
setSides(data);
const live = new Live(data);
const result = data.values[data.result];
const shownCount = data.values.filter((value) => value.folded < 0).length;
let chosen = -1;
let asTable = false;
let playing;

const picture = new Picture(place, (box) => (box.group === undefined ? look(box.value ?? -1) : open(box.group)));
const table = new Table(place, look);
const panel = new Panel(place, { look, open, goTo, edit }, live);
const slider = byId("slider");

function look(value) {
  chosen = value;
  show();
  byId("chosen").scrollIntoView({ block: "start" });
}

// Change an element of a value, and compute all that follows; without a value, take back all changes.
function edit(value, index, to) {
  if (value === undefined) live.undo();
  else live.set(value, index, to);
  place.addUp();
  picture.states = [];
  table.rows = [];
  show(value !== undefined);
  if (value !== undefined) document.activeElement.scrollIntoView({ block: "nearest" }); // what is said of it takes room
}

// Go to a step, in a view that shows it.
function goTo(to) {
  place.go(to);
  if (place.view >= 0) place.view = data.values[place.current.value]?.group ?? 0;
  show();
}

function open(view) {
  place.view = view;
  const { boxes } = place.viewData(view);
  // Where the step goes through this module at once, the first of its steps comes now.
  const { kind } = place.current;
  if ((kind === "forward" || kind === "backward") && boxes.length) {
    const start = firstInside(view);
    if (start >= 0) place.go(start);
  }
  show();
}

// The first step of the current run that fires in a view, -1 if none does.
function firstInside(view) {
  const { kind } = place.current;
  let found = -1;
  for (let step = place.step; step > 0 && place.steps[step].kind === kind && place.firing(step, view) !== undefined; step -= 1) found = step;
  return found;
}

// editing: whether the fields of the panel stay, as one is changing a number in them.
function show(editing = false) {
  if (!asTable) picture.show(chosen);
  else table.show();
  panel.show(chosen, editing);
  byId("summary").textContent = `${result.name} = ${panel.words(data.result)}; ${shownCount} values`;
  showPath();
  slider.max = String(place.steps.length - 1);
  slider.value = String(place.step);
  const said = panel.said();
  slider.setAttribute("aria-valuetext", said);
  byId("phase").textContent = said;
  byId("said").textContent = said;
  byId("back").disabled = byId("first").disabled = place.step === 0;
  byId("next").disabled = byId("last").disabled = place.step === place.steps.length - 1;
  const address = `#step=${place.step}${place.view === startView ? "" : `&view=${place.view}`}`;
  if (location.hash !== address && !(location.hash === "" && place.step === 0)) history.replaceState(null, "", address);
}

// Open the module that the step goes through at once.
function enter() {
  const group = panel.group();
  if (group !== undefined) open(group);
}

// Close the module that is shown.
function leave() {
  if (place.view <= 0) return;
  place.view = data.groups[place.view].parent;
  show();
  picture.focusOn(picture.focused, document.activeElement instanceof SVGElement);
  picture.follow(-1);
}

// The modules that the view is in, each a button.
function showPath() {
  const nav = byId("path");
  const parts = [];
  if (data.flat) parts.push(part("all values", -1));
  const chain = [];
  for (let view = Math.max(place.view, 0); view >= 0; view = data.groups[view].parent) chain.unshift(view);
  if (data.groups.length > 1) {
    for (const view of chain) parts.push(part(view === 0 ? "modules" : data.groups[view].name, view));
  }
  nav.replaceChildren(...parts.flatMap((item, i) => (i ? [data.flat && i === 1 ? " | " : " › ", item] : [item])));
}

function part(name, view) {
  if (view === place.view) return element("span", { "aria-current": "true" }, name);
  return button(name, () => {
    place.view = view;
    show();
  }, { class: "text" });
}

function step(move) {
  chosen = -1;
  move();
  show();
  byId("panel").scrollTop = 0;
}

function stop() {
  window.clearInterval(playing);
  playing = undefined;
  byId("play").textContent = "Play";
}

function togglePlay() {
  if (playing !== undefined) return stop();
  if (place.step === place.steps.length - 1) step(() => place.go(0));
  playing = window.setInterval(() => {
    step(() => place.forward());
    if (place.step === place.steps.length - 1) stop();
  }, 1300);
  byId("play").textContent = "Stop";
}

function showAs(rows) {
  asTable = rows;
  byId("picture").hidden = rows;
  byId("table-section").hidden = !rows;
  byId("show-graph").setAttribute("aria-pressed", String(!rows));
  byId("show-table").setAttribute("aria-pressed", String(rows));
  picture.view = NaN;
  show();
}

function toggleHelp() {
  const help = byId("help");
  help.hidden = !help.hidden;
  byId("help-button").setAttribute("aria-expanded", String(!help.hidden));
}

// The step and view that the address names.
function readAddress() {
  const named = new URLSearchParams(location.hash.slice(1));
  if (named.has("step")) place.go(Number(named.get("step")));
  const view = Number(named.get("view") ?? startView);
  if (view >= (data.flat ? -1 : 0) && view < data.views.length) place.view = Math.trunc(view);
  // A step in the middle of a module that is closed is shown in it.
  if (place.runsOn(place.step)) place.view = data.values[place.current.value].group;
}

const keys = {
  ArrowRight: () => step(() => place.forward()),
  ArrowLeft: () => step(() => place.backward()),
  Home: () => step(() => place.go(0)),
  End: () => step(() => place.go(place.steps.length - 1)),
  " ": togglePlay,
  b: () => step(() => place.go(place.firstBackward)),
  g: () => showAs(false),
  t: () => showAs(true),
  h: toggleHelp,
  "?": toggleHelp,
  Escape: () => {
    if (!byId("help").hidden) toggleHelp();
    else leave();
  },
  ArrowDown: enter,
  ArrowUp: leave,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target;
  if (at instanceof HTMLInputElement && (at.type === "number" || event.key !== " ")) return;
  const onButton = at instanceof HTMLButtonElement || (at instanceof HTMLElement && at.tagName === "SUMMARY");
  if (onButton && (event.key === " " || event.key === "Enter")) return;
  const box = at instanceof SVGElement ? picture.boxes.indexOf(at) : -1;
  if (box >= 0 && ["ArrowDown", "ArrowUp", "Enter", " "].includes(event.key)) {
    event.preventDefault();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") return picture.focusOn(box + (event.key === "ArrowDown" ? 1 : -1), true);
    const { view } = place;
    picture.choose(picture.data.boxes[box]);
    picture.focusOn(picture.focused, true);
    if (place.view !== view) picture.follow(-1); // nobody has pointed at the first box of the module
    return;
  }
  const scrolls = at instanceof Element && at.closest("#scroll, #panel, #table, #help");
  if (scrolls && (event.key === "ArrowDown" || event.key === "ArrowUp")) return;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  if (event.key !== " " && playing !== undefined) stop();
  action();
});

const on = (id, action) => byId(id).addEventListener("click", action);
on("first", keys.Home);
on("back", keys.ArrowLeft);
on("play", togglePlay);
on("next", keys.ArrowRight);
on("last", keys.End);
on("smaller", () => picture.zoomBy(1 / 1.25));
on("larger", () => picture.zoomBy(1.25));
on("fit", () => picture.zoomBy(FIT));
on("show-graph", () => showAs(false));
on("show-table", () => showAs(true));
on("help-button", toggleHelp);
slider.addEventListener("input", () => {
  stop();
  step(() => place.go(Number(slider.value)));
});
window.addEventListener("resize", () => picture.resize());
window.addEventListener("hashchange", () => {
  readAddress();
  show();
});

startTheme();
byId("title").textContent = data.title;
const startView = place.view;
readAddress();
show();
