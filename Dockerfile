# syntax=docker/dockerfile:1
# Two stages: one builds, the other holds what runs and nothing else. Nothing in it runs as root or needs to be written,
# but for /var/lib/sluss. The tag names Python and Debian; patches of both come with every build. Where builds must be the
# same for ever, name a digest: docker build --build-arg PYTHON_IMAGE=python@sha256:…
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/build.txt requirements/run.txt requirements/
# The pinned build tools come first: spyne is a source distribution and is built with exactly these.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements/build.txt
RUN /opt/build/bin/pip wheel --require-hashes --no-build-isolation --wheel-dir /wheels -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY adapters adapters
COPY wsdl wsdl
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .
# What runs has no pip, and its bytecode is written here: later nobody may.
RUN python -m venv --without-pip /opt/sluss \
 && /opt/build/bin/pip --python /opt/sluss/bin/python install --no-index --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Sluss" \
      org.opencontainers.image.description="A gateway that keeps software alive which speaks an SMS provider's retired APIs" \
      org.opencontainers.image.licenses="Apache-2.0"
# The image's own installer goes as well.
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
 && rm -rf /usr/local/lib/python3*/ensurepip \
 && groupadd --system --gid 10001 sluss \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/sluss --no-create-home --shell /usr/sbin/nologin sluss \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/sluss
COPY --from=build /opt/sluss /opt/sluss
COPY --chmod=0644 config/container.yaml /etc/sluss/sluss.yaml
ENV PATH=/opt/sluss/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes' runAsNonRoot can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/sluss
VOLUME /var/lib/sluss
EXPOSE 8080 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["sluss", "doctor", "--ready"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluss"]
CMD ["serve"]
