"""What casework remembers: what comes in, what is shown, and what handlers change."""
