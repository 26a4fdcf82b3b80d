"""A small typed client of the Asterisk REST Interface (ARI): the operations and events that Dragoman uses.

Source of every path, parameter and field: the interface's own description, served by a running Asterisk under
``/ari/api-docs``; ``tests/e2e/test_ari_contract.py`` compares the two.
"""
