// The editor: CodeMirror 6, whose packages the page's import map names.

/** An editor in a place. changed(text): after every edit.  keys: what they do, as "Mod-Enter".  name: of what is edited. */
async function editorIn(place, changed, keys, name) {
  const names = ["state", "view", "commands", "language", "lang-python", "search"].map((name) => `@codemirror/${name}`);
  const [{ EditorState, StateEffect, StateField }, view, commands, language, { python }, search, { tags }] =
    await Promise.all([...names, "@lezer/highlight"].map((name) => import(name)));
  const { Decoration, EditorView, keymap } = view;
  const colours = [
    { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword], color: "var(--now)" },
    { tag: [tags.string, tags.comment], color: "var(--quiet)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--gradient)" },
    { tag: tags.definition(tags.variableName), fontWeight: "600" },
  ];
  const mark = StateEffect.define();
  const marked = StateField.define({
    create: () => Decoration.none,
    update: (lines, transaction) => {
      const asked = transaction.effects.find((effect) => effect.is(mark));
      if (asked) return Decoration.set([Decoration.line({ class: "wrong" }).range(asked.value)]);
      return transaction.docChanged ? Decoration.none : lines;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
  const extensions = [
    view.lineNumbers(),
    commands.history(),
    view.drawSelection(),
    view.highlightActiveLine(),
    language.bracketMatching(),
    language.codeFolding(),
    language.indentUnit.of("    "),
    language.syntaxHighlighting(language.HighlightStyle.define(colours)),
    python(),
    search.search({ top: true }),
    keymap.of([
      ...Object.entries(keys).map(([key, act]) => ({ key, run: () => (act(), true) })),
      ...commands.defaultKeymap,
      ...commands.historyKeymap,
      ...search.searchKeymap,
      ...language.foldKeymap,
      commands.indentWithTab,
    ]),
    marked,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": `${name}. Escape, then Tab leaves it.` }),
    EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
  ];
  const editor = new EditorView({ parent: place });
  const text = () => editor.state.doc.toString();
  return {
    text,
    focus: () => editor.focus(),
    /** Show a text, its docstring folded, as the page has it above, and the cursor at the first gap. */
    show(doc) {
      editor.setState(EditorState.create({ doc, extensions }));
      const [gap, end] = [doc.search(/\.\.\.(?=.*# TODO)/), doc.indexOf('"""', 3)];
      const from = doc.indexOf("\n");
      if (doc.startsWith('"""') && from < end) editor.dispatch({ effects: language.foldEffect.of({ from, to: end }) });
      if (gap >= 0) editor.dispatch({ selection: { anchor: gap, head: gap + 3 } });
    },
    /** Mark a line, from 1. */
    mark(line) {
      const { from } = editor.state.doc.line(Math.min(line, editor.state.doc.lines));
      editor.dispatch({ effects: [mark.of(from), EditorView.scrollIntoView(from)] });
    },
  };
}
