"""Loudspeaker phones in simulated rooms, with the echo guard and without: does the conference translate itself?"""
