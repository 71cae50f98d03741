// The editor: CodeMirror 6, whose packages the page's import map names.

/** An editor in a place. changed(text): after every edit.  run(): at Ctrl+Enter. */
async function editorIn(place, changed, run) {
  const [{ EditorState }, view, commands, language, { python }, search] = await Promise.all(
    ["state", "view", "commands", "language", "lang-python", "search"].map((name) => import(`@codemirror/${name}`)),
  );
  const { EditorView, keymap, lineNumbers, drawSelection, highlightActiveLine } = view;
  const keys = [
    { key: "Ctrl-Enter", run: () => (run(), true) },
    ...commands.defaultKeymap,
    ...commands.historyKeymap,
    ...search.searchKeymap,
    commands.indentWithTab,
  ];
  const extensions = [
    lineNumbers(),
    commands.history(),
    drawSelection(),
    highlightActiveLine(),
    language.bracketMatching(),
    language.indentUnit.of("    "),
    language.syntaxHighlighting(language.defaultHighlightStyle, { fallback: true }),
    python(),
    search.search({ top: true }),
    keymap.of(keys),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": "Your file" }),
    EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
  ];
  const editor = new EditorView({ parent: place });
  return {
    editor,
    show: (text) => editor.setState(EditorState.create({ doc: text, extensions })),
    mark: (line) => {
      const at = editor.state.doc.line(Math.min(line, editor.state.doc.lines));
      editor.dispatch({ selection: { anchor: at.from }, scrollIntoView: true });
    },
  };
}
