/// <reference path="pictures.js" />
// Attention maps, with the texts of their tokens.

// Attention weights, a map for each head: rows are queries, columns keys. array: (..., queries, keys). Heads that share
// keys and values may stand below each other, as (..., heads of a group * queries, keys).
function attentionMaps(array, tokens) {
  const numbers = elementsOf(array);
  if (!numbers) return pictureOf(array, "the attention weights");
  const [rows, keys] = array.shape.slice(-2);
  const queries = rows > keys && rows % keys === 0 ? keys : rows;
  const name = (i) => shownToken(tokens[i] ?? String(i));
  const [rowNames, columnNames] = [queries, keys].map((n) => range(n).map(name));
  const count = numbers.length / (queries * keys);
  const heads = (array.shape.length > 2 ? (array.shape.at(-3) ?? 1) : 1) * (rows / queries);
  const colour = (weight) => tint(Math.sqrt(weight), 1); // the root, so that small weights show
  const said = hint("Each row is a token that attends, each column one that it attends to.");
  const isLong = tokens.some((token) => token.length > 2);
  const maps = range(Math.min(count, 16)).map((map) => {
    const headName = `head ${(map % heads) + 1}`;
    const text = count === heads ? headName : `text ${Math.floor(map / heads) + 1}, ${headName}`;
    const cell = (q, k) => {
      const weight = numbers[(map * queries + q) * keys + k];
      const title = `${name(q)} → ${name(k)}: ${number(weight)}`;
      const pointerenter = () => (said.textContent = `${text}: ${title}`);
      const made = element("td", { title, pointerenter }, element("span", { class: "unseen" }, number(weight)));
      return styled(made, { background: colour(weight) });
    };
    return grid(rowNames, columnNames, cell, { class: isLong ? "map long" : "map" }, element("caption", {}, text));
  });
  return [
    h3("Attention weights"),
    said,
    scroller("Attention maps", element("div", { class: "maps" }, maps)),
    legend([0, 0.05, 0.25, 0.5, 1], colour),
    count > 16 && hint(`The first 16 of ${count} maps.`),
  ];
}

// A token with a sign for each sign that one would not see.
function shownToken(token) {
  const signs = { " ": "·", "\n": "↵", "\t": "→" };
  return token.replace(/[\s\p{C}]/gu, (sign) => signs[sign] ?? `U+${sign.codePointAt(0).toString(16)}`) || "∅";
}
