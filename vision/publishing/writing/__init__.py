"""The writing side: outbox and sender, spool and streams."""
