"""How many voices XTTS speaks in at once, and how soon, against coqui's own streaming."""
