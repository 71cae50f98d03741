/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// The page of claims: which of them are shown, by their verdict and by a word.

startTheme();
const shown = { verdict: "", word: "" };
let first = "";
for (const title of document.querySelectorAll(".claim h3")) {
  if (title.textContent.startsWith("the same")) {
    title.insertAdjacentHTML("afterend", '<p class="of"></p>');
    title.nextSibling.textContent = `as of ${first}`;
  } else {
    first = title.textContent;
  }
}

function show() {
  const words = shown.word.toLowerCase().split(/\s+/);
  for (const claim of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".claim"))) {
    const text = claim.textContent.toLowerCase();
    const found = words.every((word) => text.includes(word));
    claim.hidden = !(found && (!shown.verdict || claim.dataset.verdict === shown.verdict));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector(".claim:not([hidden])");
    /** @type {HTMLElement} */ (document.querySelector(`nav [href="#${section.id}"]`)).hidden = section.hidden;
  }
  const left = document.querySelectorAll(".claim:not([hidden])").length;
  byId("left").textContent = left === 1 ? "1 claim" : `${left} claims`;
}

byId("word").addEventListener("input", () => {
  shown.word = byId("word").value;
  show();
});
byId("verdict").addEventListener("change", () => {
  shown.verdict = byId("verdict").value;
  show();
});
show();
