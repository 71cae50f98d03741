/// <reference path="graph.js" />
/// <reference path="panel.js" />
/// <reference path="theme.js" />
// The page: reads the data, and shows the step that buttons, keys or the address name.

const data = JSON.parse(byId("data").textContent);
const place = new Place(data);
setSides(data);
const live = new Live(data);
const result = data.values[data.result];
const shownCount = data.values.filter((value) => value.folded < 0).length;
let chosen = -1;

const picture = new Picture(place, (box) => (box.group === undefined ? look(box.value ?? -1) : open(box.group)));
const panel = new Panel(place, { look, open, edit }, live);
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
  show(value !== undefined);
  if (value !== undefined) document.activeElement.scrollIntoView({ block: "nearest" }); // what is said of it takes room
}

// Open a module, if one is given.
function open(view) {
  if (view === undefined) return;
  place.view = view;
  // Where the step goes through this module at once, the first of its steps comes now.
  const { kind } = place.current;
  const isInside = (step) => place.steps[step].kind === kind && place.firing(step, view) !== undefined;
  while (isInside(place.step) && isInside(place.step - 1)) place.step -= 1;
  show();
}

// editing: whether the fields of the panel stay, as one is changing a number in them.
function show(editing = false) {
  picture.show(chosen);
  panel.show(chosen, editing);
  byId("summary").textContent = `${result.name} = ${place.text(data.result)}; ${shownCount} values`;
  showPath();
  const last = place.steps.length - 1;
  slider.max = String(last);
  slider.value = String(place.step);
  const said = panel.said();
  slider.setAttribute("aria-valuetext", said);
  byId("phase").textContent = byId("said").textContent = said;
  byId("back").disabled = byId("first").disabled = place.step === 0;
  byId("next").disabled = byId("last").disabled = place.step === last;
  const address = `#step=${place.step}${place.view ? `&view=${place.view}` : ""}`;
  const hasAddress = location.protocol !== "about:"; // a frame that another page fills has none
  const isThere = location.hash === address || (location.hash === "" && place.step === 0);
  if (hasAddress && !isThere) history.replaceState(null, "", address);
}

// Close the module that is shown.
function leave() {
  if (place.view > 0) showView(data.groups[place.view].parent);
}

// The modules that the view is in, each a button.
function showPath() {
  const part = (name, view) => link(name, view === place.view ? null : () => showView(view));
  const modules = data.groups.length > 1 ? around(data, place.view).reverse() : [];
  const path = modules.map((view) => part(view ? data.groups[view].name : "modules", view));
  fill(byId("path"), joined(path, " › "));
}

function showView(view) {
  place.view = view;
  show();
}

function step(move) {
  chosen = -1;
  move();
  show();
  byId("panel").scrollTop = 0;
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
  const view = Math.trunc(Number(named.get("view")));
  if (data.views[view]) place.view = view;
  // A step in the middle of a module that is closed is shown in it.
  if (place.runsOn(place.step)) place.view = data.values[place.current.value].group;
}

const keys = {
  ArrowRight: () => step(() => place.forward()),
  ArrowLeft: () => step(() => place.backward()),
  Home: () => step(() => place.go(0)),
  End: () => step(() => place.go(place.steps.length - 1)),
  b: () => step(() => place.go(place.firstBackward)),
  "-": () => picture.zoomBy(1 / 1.25),
  "+": () => picture.zoomBy(1.25),
  f: () => picture.zoomBy(FIT),
  h: toggleHelp,
  "?": toggleHelp,
  Escape: () => (byId("help").hidden ? leave() : toggleHelp()),
  ArrowDown: () => open(panel.group()),
  ArrowUp: leave,
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = /** @type {HTMLElement} */ (event.target);
  if (at instanceof HTMLInputElement) return;
  if (/^Arrow(Down|Up)$/.test(event.key) && at.closest("#scroll, #panel, #help")) return;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const made of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key]"))) {
  made.addEventListener("click", keys[made.dataset.key]);
}
slider.addEventListener("input", () => step(() => place.go(Number(slider.value))));
window.addEventListener("resize", () => picture.resize());
window.addEventListener("hashchange", () => {
  readAddress();
  show();
});

startTheme();
byId("title").textContent = data.title;
readAddress();
show();
