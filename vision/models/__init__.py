"""Models and clips by hash: the catalogue and how its files are pulled."""
