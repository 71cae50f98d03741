// The cheat sheet needs no script but the theme.

startTheme();
