"""Speech to words, clause to clause, clause to audio: the protocols, and the engines that come with Dragoman."""
