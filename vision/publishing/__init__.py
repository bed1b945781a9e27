"""Messages to Redis: encoding, outbox, client; and the reference subscriber."""
