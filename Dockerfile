# The daemon, with the embedded engines and the packages of those in EXTRAS (pyproject.toml, optional-dependencies).
# Build: docker compose build dragoman
FROM python:3.11-slim-bookworm
COPY scripts/packages.sh /tmp/packages.sh
RUN /tmp/packages.sh run && rm -rf /var/lib/apt/lists/* /tmp/packages.sh
WORKDIR /opt/dragoman
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY src src
COPY asterisk asterisk
COPY config config
# Of the cloud engines ElevenLabs needs none. Empty: the embedded ones alone.
ARG EXTRAS=deepgram,deepl
RUN pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" && pip install --no-cache-dir --no-deps -r requirements/no-deps.txt
RUN useradd --create-home dragoman
USER dragoman
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8700/health/live', timeout=2)"]
ENTRYPOINT ["dragoman"]
CMD ["serve"]
