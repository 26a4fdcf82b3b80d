# The daemon, with the embedded engines and the packages of those in EXTRAS (pyproject.toml, optional-dependencies).
# It runs as user 10001, writes nothing outside /var/lib/dragoman and /tmp, and takes a read-only root.
# Build: docker compose build dragoman
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY src src
COPY asterisk asterisk
COPY config config
# Of the cloud engines ElevenLabs needs none. Empty: the embedded ones alone.
ARG EXTRAS=deepgram,deepl,redis,voices,admin
RUN python3 -m venv /opt/dragoman \
 && /opt/dragoman/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" \
 && /opt/dragoman/bin/pip install --no-cache-dir --no-deps -r requirements/no-deps.txt

FROM python:3.11-slim-bookworm
COPY scripts/packages.sh /tmp/packages.sh
RUN /tmp/packages.sh run && rm -rf /var/lib/apt/lists/* /tmp/packages.sh
# The same number as the PBX's: both use the volume /pbx, whose files are readable by their owner only.
RUN groupadd --gid 10001 dragoman \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/dragoman --no-create-home --shell /usr/sbin/nologin dragoman \
 && install -d -o dragoman -g dragoman -m 0750 /var/lib/dragoman /pbx
COPY --from=build /opt/dragoman /opt/dragoman
ENV PATH=/opt/dragoman/bin:$PATH PYTHONUNBUFFERED=1 DRAGOMAN_CACHE=/var/lib/dragoman/cache
USER 10001:10001
WORKDIR /var/lib/dragoman
EXPOSE 8700/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8700/health/live', timeout=2)"]
ENTRYPOINT ["dragoman"]
CMD ["serve"]
