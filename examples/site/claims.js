/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// The page of claims: which of them are shown, by their verdict and by a word.

startTheme();

function show() {
  const [words, verdict] = [byId("word").value.toLowerCase().split(/\s+/), byId("verdict").value];
  for (const claim of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".claim"))) {
    const text = claim.textContent.toLowerCase();
    const found = words.every((word) => text.includes(word));
    claim.hidden = !(found && (!verdict || claim.dataset.verdict === verdict));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector(".claim:not([hidden])");
    /** @type {HTMLElement} */ (document.querySelector(`nav [href="#${section.id}"]`)).hidden = section.hidden;
  }
  const left = document.querySelectorAll(".claim:not([hidden])").length;
  byId("left").textContent = left === 1 ? "1 claim" : `${left} claims`;
}

byId("word").addEventListener("input", show);
byId("verdict").addEventListener("change", show);
show();
