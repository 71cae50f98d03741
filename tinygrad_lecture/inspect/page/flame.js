/// <reference path="numbers.js" />
/// <reference path="theme.js" />
// The flame view of a profile: a bar for each module and op, as wide as its time.

const profile = JSON.parse(byId("data").textContent);
let shown = []; // from the whole to the bar that is shown at full width

// Time as a tree: forward and backward, in each the modules, in each the ops; then the optimisers, and what is left.
function treeOf({ spent, seconds }) {
  const half = (name, backward) => {
    const own = spent.filter((part) => part.backward === backward);
    return barOf(name, own);
  };
  const rest = Math.max(seconds - spent.reduce((sum, part) => sum + part.seconds, 0), 0);
  const outside = { name: "outside of ops", seconds: rest, parts: [] };
  const parts = [half("forward", false), half("backward", true), ...half("", null).parts, outside];
  return { name: "all", seconds, parts };
}

// The bar of a module: the modules in it, each with their own, and its ops, the slowest first.
function barOf(name, spent, deep = 0) {
  const [sum, inner] = [{ seconds: 0, calls: 0, bytes: 0 }, new Map()];
  for (const part of spent) {
    for (const what of Object.keys(sum)) sum[what] += part[what];
    const module = part.modules[deep];
    inner.set(module, [...(inner.get(module) ?? []), part]);
  }
  const ops = (inner.get(undefined) ?? []).map((part) => ({ ...part, name: part.op, parts: [] }));
  inner.delete(undefined);
  const bars = [...[...inner].map(([module, parts]) => barOf(module, parts, deep + 1)), ...ops];
  return { name, ...sum, parts: bars.sort((a, b) => b.seconds - a.seconds) };
}

function timeText(seconds) {
  if (seconds >= 1) return `${number(seconds)} s`;
  return seconds >= 1e-3 ? `${number(seconds * 1e3)} ms` : `${number(seconds * 1e6)} µs`;
}

function told(bar) {
  const calls = bar.calls ? `, ${bar.calls} calls, ${number(bar.bytes / 1e6)} MB of results` : "";
  return `${bar.name}: ${timeText(bar.seconds)}, ${number((100 * bar.seconds) / (profile.seconds || 1))} %${calls}`;
}

// The bars of a row, and of all rows below it. left: where a bar begins.  chain: the bars from the whole to it.
function rowsFrom(row, least) {
  const next = row.flatMap(({ bar, left, chain }) => {
    let at = left;
    const below = bar.parts.map((part) => {
      at += part.seconds;
      return { bar: part, left: at - part.seconds, chain: [...chain, part] };
    });
    return below.filter((part) => part.bar.seconds > least);
  });
  return [row, ...(next.length ? rowsFrom(next, least) : [])];
}

function show(chain) {
  shown = chain;
  const top = shown.at(-1);
  const rows = rowsFrom([{ bar: top, left: 0, chain: shown }], top.seconds / 1000);
  const share = (seconds) => `${(100 * seconds) / (top.seconds || 1)}%`;
  const made = ({ bar, left, chain }) => {
    const [said, half] = [told(bar), chain[1]?.name];
    const kind = half === "forward" || half === "backward" ? half : "other";
    const tell = () => (byId("said").textContent = said);
    const attributes = { class: `flame ${kind}`, title: said, "aria-label": said, pointerenter: tell, focus: tell };
    const drawn = button(bar.name, () => show(chain), attributes);
    return styled(drawn, { left: share(left), width: share(bar.seconds) });
  };
  const lines = rows.map((row) => element("div", { class: "flame-row" }, row.map(made)));
  fill(byId("flames"), lines);
  const parts = shown.map((bar, i) => link(bar.name, bar === top ? null : () => show(shown.slice(0, i + 1))));
  fill(byId("path"), joined(parts, " › "));
  byId("said").textContent = told(top);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && shown.length > 1) show(shown.slice(0, -1));
});
startTheme();
byId("title").textContent = profile.title;
byId("summary").textContent = timeText(profile.seconds);
byId("table").textContent = profile.table;
show([treeOf(profile)]);
