"""The echo guard: what a leg heard and sends back, found and taken away; ``guard`` puts the parts together."""
