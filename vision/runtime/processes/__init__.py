"""Of every process of ours: its signals, how it logs, what it reports, its end."""
