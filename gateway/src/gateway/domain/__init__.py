"""What the gateway decides: which route, whose session, how fast."""
