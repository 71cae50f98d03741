/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// A page of text, as the cheat sheet, needs no script but the theme.

startTheme();
