"""Mail: the words, the message and the post that brings it."""
