# syntax=docker/dockerfile:1
# Two stages: one builds the environment, the other holds it without its build tools. Nothing runs as root.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/sluss
COPY requirements/build.txt requirements/run.txt requirements/
# The pinned build tools come first: spyne is a source distribution and is built with exactly these.
RUN /opt/sluss/bin/pip install --require-hashes -r requirements/build.txt \
 && /opt/sluss/bin/pip install --require-hashes --no-build-isolation -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY adapters adapters
COPY wsdl wsdl
RUN /opt/sluss/bin/pip install --no-build-isolation --no-deps . \
 && /opt/sluss/bin/pip uninstall -y build editables hatchling setuptools wheel pip

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/sluss --create-home sluss
COPY --from=build /opt/sluss /opt/sluss
COPY --chmod=0644 config/container.yaml /etc/sluss/sluss.yaml
ENV PATH=/opt/sluss/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER sluss
WORKDIR /var/lib/sluss
VOLUME /var/lib/sluss
EXPOSE 8080 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["sluss", "doctor", "--ready"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluss"]
CMD ["serve"]
