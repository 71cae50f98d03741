"""Parts of the programs: what several of them share, and a folder for each program that has parts of its own."""
