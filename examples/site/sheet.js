/// <reference path="../../tinygrad_lecture/inspect/page/theme.js" />
// The cheat sheet needs no script but the theme.

startTheme();
