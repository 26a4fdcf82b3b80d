"""``dragoman probe``: a test call that says a sentence in one language and listens for it in another."""
