/// <reference path="../../tinygrad_lecture/inspect/page/numbers.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// The page of a class: a table, mistakes by how many made them, and sentences beside their rubric. Texts stay texts.

const told = JSON.parse(byId("data").textContent);
const names = Object.keys(told.titles);
const students = Object.entries(told.students);
const KINDS = { "+": "right", s: "taken", "-": "wrong", ".": "none" };
const IN_WORDS = { "+": "right", s: "right, with the solution", "-": "not right", ".": "not begun" };

function chapterOf(name) {
  return name.split(".")[0];
}

function isFirst(name) {
  return names.indexOf(name) === names.findIndex((other) => chapterOf(other) === chapterOf(name));
}

function cellOf(student, facts, name) {
  const mark = facts.marks[name];
  const now = facts.now === name;
  const label = `${student}, ${name} ${told.titles[name]}: ${IN_WORDS[mark]}${now ? "; is here now" : ""}`;
  const tell = () => (byId("cell").textContent = [label, facts.failed[name] ?? ""].join("\n").trim());
  const attributes = { class: `mark-${KINDS[mark]}${now ? " now" : ""}`, title: label, "aria-label": label };
  return element("td", { class: isFirst(name) && "first" }, button(mark, tell, attributes));
}

function drawTable() {
  const headOf = (name) => {
    const attributes = { scope: "col", class: isFirst(name) && "first", title: told.titles[name] };
    return element("th", attributes, name.split(".")[1]);
  };
  const chapters = Object.entries(told.chapters).map(([number, title]) => {
    const inside = names.filter((name) => chapterOf(name) === number);
    return element("th", { scope: "colgroup", colspan: inside.length, class: "first", title }, number);
  });
  const first = tr(columnHead("chapter"), element("th"), chapters);
  const second = tr(columnHead("exercise"), columnHead(`of ${names.length}`), names.map(headOf));
  const right = (facts) => Object.values(facts.marks).filter((mark) => "+s".includes(mark)).length;
  const rows = students.map(([student, facts]) => {
    const count = `${right(facts)}${facts.now ? `, at ${facts.now}` : ""}`;
    const cells = names.map((name) => cellOf(student, facts, name));
    return tr(
      element("th", { scope: "row", title: student }, student),
      element("td", { class: "count" }, count),
      cells,
    );
  });
  fill(byId("marks"), element("table", {}, element("thead", {}, first, second), element("tbody", {}, rows)));
}

function drawWrong() {
  const lines = told.wrong.map(([name, cause, ...who]) => {
    const begun = students.filter(([, facts]) => facts.marks[name] !== ".").length;
    const count = `${who.length} of ${Math.max(begun, who.length)}`;
    const bar = element("meter", { min: 0, max: students.length, value: who.length, "aria-label": count });
    const title = element("b", {}, `${count}: ${name} ${told.titles[name]}`);
    return li(bar, title, br(), cause, br(), element("span", { class: "quiet" }, who.join(", ")));
  });
  if (lines.length) fill(byId("wrong"), lines);
  else byId("wrong").replaceWith(paragraph("quiet", "Nothing yet."));
}

function drawQuestions() {
  const parts = told.questions.map(([name, , question, ...rubric], k) => {
    const answers = students.filter(([, facts]) => facts.words[k].trim());
    const shown = answers.map(([student, facts]) => {
      const quote = element("blockquote", {}, facts.words[k].trim());
      return [element("b", {}, student), quote];
    });
    const count = `${answers.length} of ${students.length} have answered; ${rubric.length} points`;
    const head = element("summary", {}, `${name} ${question} `, element("span", { class: "quiet" }, count));
    const points = rubric.map((line) => li(line));
    return element("details", {}, head, element("ul", {}, points), shown);
  });
  fill(byId("questions"), parts);
}

startTheme();
byId("title").textContent = document.title;
byId("summary").textContent = `${students.length} students`;
byId("key").textContent = told.key;
drawTable();
drawWrong();
drawQuestions();
