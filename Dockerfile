# A model of keras-resattn behind TensorFlow Serving: REST on port 8501, gRPC on 8500.
# docs/serving.md describes it, serving/README.md the gateway, monitoring, Kubernetes.
#
#   docker build --tag resattn-serving .                          # weights of CIFAR-10
#   docker build --tag resattn-serving --build-arg MODEL=folder \
#       --build-arg MODEL_FOLDER=runs/demo --build-arg MODEL_NAME=demo .
#   docker build --tag resattn-serving --build-arg MODEL=saved_model .    # served/*
#   docker run --read-only --tmpfs /tmp --publish 127.0.0.1:8501:8501 resattn-serving

# Where the model comes from: `pretrained`, `folder` or `saved_model`.
ARG MODEL=pretrained
# TensorFlow of the exporter and of the server. Exports of 2.21 were run with TensorFlow
# 2.21 and 2.20, see docs/serving.md.
ARG TENSORFLOW_VERSION=2.21.0
ARG TFS_VERSION=2.20.0


FROM python:3.11-slim-bookworm AS export
ARG TENSORFLOW_VERSION
WORKDIR /opt/keras-resattn
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY keras_resattn keras_resattn
COPY keras_resattn_cli keras_resattn_cli
COPY keras_resattn_client keras_resattn_client
COPY keras_resattn_server keras_resattn_server
# The extra writes the warm-up requests. The package itself has no version to pin.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[serve]" "tensorflow==${TENSORFLOW_VERSION}" \
    "tensorflow-serving-api==${TENSORFLOW_VERSION}"


FROM export AS pretrained
ARG MODEL_NAME=cifar10
ARG NETWORK=cifar_attention56
ARG WEIGHTS=cifar10
COPY serving/export_pretrained.py .
RUN python export_pretrained.py "$NETWORK" "$WEIGHTS" "/models/$MODEL_NAME/1"


FROM export AS folder
ARG MODEL_NAME=cifar10
ARG MODEL_FOLDER=runs/demo
COPY ${MODEL_FOLDER} /model
RUN keras-resattn export --warmup /model "/models/$MODEL_NAME/1"


# NAME/VERSION/saved_model.pb, as `keras-resattn export` writes it.
FROM scratch AS saved_model
COPY served/ /models/


FROM ${MODEL} AS model


FROM debian:bookworm-slim AS tini
# Debian has one version of tini: nothing to pin.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends tini && \
    rm -rf /var/lib/apt/lists/*


FROM tensorflow/serving:${TFS_VERSION}

ARG MODEL_NAME=cifar10
# On some processors oneDNN's kernels are off by default. The second setting lets it keep
# the weights in its own layout: docs/export.md.
ENV MODEL_NAME=${MODEL_NAME} \
    TF_ENABLE_ONEDNN_OPTS=1 \
    TF_ONEDNN_ASSUME_FROZEN_WEIGHTS=1
# It is linked statically, so it runs on the image's Ubuntu.
COPY --from=tini /usr/bin/tini-static /usr/bin/tini
COPY --chmod=755 serving/start.sh serving/is_available.sh /opt/serving/
COPY --chmod=644 serving/batching_parameters.txt serving/monitoring_config.txt \
    serving/models.config /opt/serving/
COPY --from=model --chmod=755 /models/ /models/

# Any user that can read /models is possible.
USER 65534:65534

HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["/opt/serving/is_available.sh"]

# As process 1 the server would ignore SIGTERM.
ENTRYPOINT ["tini", "--", "/opt/serving/start.sh"]

# New versions are looked for every second, loaded beside the old one, and tried once:
# otherwise a broken one would delay later versions for five minutes.
CMD ["--file_system_poll_wait_seconds=1", \
    "--max_num_load_retries=0", \
    "--num_load_threads=1", \
    "--monitoring_config_file=/opt/serving/monitoring_config.txt"]
