"""Three small engines for Dragoman."""
