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
  const cell = button(mark, tell, {
    class: `mark-${KINDS[mark]}${now ? " now" : ""}`,
    title: label,
    "aria-label": label,
  });
  return element("td", { class: isFirst(name) ? "first" : "" }, cell);
}

function drawTable() {
  const chapters = element("tr", {}, element("th", { scope: "col" }, "chapter"), element("th"));
  for (const [number, title] of Object.entries(told.chapters)) {
    const inside = names.filter((name) => chapterOf(name) === number);
    chapters.append(element("th", { scope: "colgroup", colspan: inside.length, class: "first", title }, number));
  }
  const heads = names.map((name) =>
    element("th", { scope: "col", class: isFirst(name) ? "first" : "", title: told.titles[name] }, name.split(".")[1]),
  );
  const head = element(
    "thead",
    {},
    chapters,
    element(
      "tr",
      {},
      element("th", { scope: "col" }, "exercise"),
      element("th", { scope: "col" }, `of ${names.length}`),
      ...heads,
    ),
  );
  const right = (facts) => Object.values(facts.marks).filter((mark) => "+s".includes(mark)).length;
  const rows = students.map(([student, facts]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", title: student }, student),
      element("td", { class: "count" }, `${right(facts)}${facts.now ? `, at ${facts.now}` : ""}`),
      ...names.map((name) => cellOf(student, facts, name)),
    ),
  );
  byId("marks").append(element("table", {}, head, element("tbody", {}, ...rows)));
}

function drawWrong() {
  byId("wrong").append(
    ...told.wrong.map(([name, cause, ...who]) => {
      const begun = students.filter(([, facts]) => facts.marks[name] !== ".").length;
      const count = `${who.length} of ${Math.max(begun, who.length)}`;
      const bar = element("meter", { min: 0, max: students.length, value: who.length, "aria-label": count });
      return element(
        "li",
        {},
        bar,
        element("b", {}, `${count}: ${name} ${told.titles[name]}`),
        element("br"),
        cause,
        element("br"),
        element("span", { class: "quiet" }, who.join(", ")),
      );
    }),
  );
  if (!told.wrong.length) byId("wrong").replaceWith(paragraph("quiet", "Nothing yet."));
}

function drawQuestions() {
  told.questions.forEach(([name, , question, ...rubric], k) => {
    const answers = students.filter(([, facts]) => facts.words[k].trim());
    const shown = answers.flatMap(([student, facts]) => [
      element("b", {}, student),
      element("blockquote", {}, facts.words[k].trim()),
    ]);
    const count = `${answers.length} of ${students.length} have answered; ${rubric.length} points`;
    byId("questions").append(
      element(
        "details",
        {},
        element("summary", {}, `${name} ${question} `, element("span", { class: "quiet" }, count)),
        element("ul", {}, ...rubric.map((line) => element("li", {}, line))),
        ...shown,
      ),
    );
  });
}

startTheme();
byId("title").textContent = document.title;
byId("summary").textContent = `${students.length} students`;
byId("key").textContent = told.key;
drawTable();
drawWrong();
drawQuestions();
