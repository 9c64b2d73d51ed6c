# One image for all agents: `docker run IMAGE agents.notification:AGENT`. `make image` builds it; docs/image.md explains it.
# There is no base image and no shell: dist/image/*.tar hold files of the Debian packages that deploy/image/debian.lock pins.
# `python -m deploy.image base` writes them; after that any builder will do, as `docker build .`

FROM scratch AS python
ADD dist/image/base.tar /
# Bytecode is compiled here, since a read-only root keeps none, and says no time: the same source gives the same bytes.
RUN ["/usr/bin/python3", "-B", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/usr/lib/python3.13"]

FROM python AS build
ADD dist/image/build.tar /
WORKDIR /build
COPY requirements.lock .
# The secret is what pip is configured with, where a mirror is used; it stays in no layer.
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    ["/usr/bin/python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--require-hashes", "--only-binary=:all:", "--no-compile", "--target=/opt/libraries", "--requirement=requirements.lock"]
COPY pyproject.toml README.md ./
COPY domain domain
COPY agents agents
COPY infrastructure infrastructure
COPY cli cli
# Building runs some of the libraries, which must not leave bytecode that says a time.
ENV PYTHONPATH=/opt/libraries PYTHONDONTWRITEBYTECODE=1
RUN ["/usr/bin/python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "--target=/app", "."]
RUN ["/usr/bin/python3", "-B", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/opt/libraries", "/app"]
COPY prompts /app/prompts
COPY models /app/models
COPY guardrails.yaml /app/
COPY deploy/image/tidy.py .
RUN ["/usr/bin/python3", "tidy.py"]

# A layer of its own, which a release without new dependencies leaves as it is.
FROM python AS libraries
COPY --from=build /opt/libraries /opt/libraries

FROM libraries
COPY --from=build /app /app
ENV PYTHONPATH=/opt/libraries PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/python3", "-m", "infrastructure.host"]
