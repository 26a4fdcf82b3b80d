"""What is served over HTTP: health, metrics, the REST interface, captions."""
