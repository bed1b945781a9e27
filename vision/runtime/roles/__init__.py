"""The stages wired together, each role a process."""
