"""The words a site or a room cares about: how they are written in each language, and how they are said."""
