# The exported models in served/ (NAME/VERSION/saved_model.pb) behind TensorFlow
# Serving: REST on port 8501, gRPC on port 8500.
#
#   keras-resattn export runs/demo served/demo/1
#   docker build --build-arg MODEL_NAME=demo --tag resattn .
#   docker run --init --publish 8501:8501 --publish 8500:8500 resattn

ARG TFS_VERSION=2.20.0
FROM tensorflow/serving:${TFS_VERSION}

ARG MODEL_NAME=demo
ENV MODEL_NAME=${MODEL_NAME}
COPY --chmod=a+rX served/ /models/

# Any user that can read /models will do.
USER 65534:65534

# The image has no curl: bash itself asks whether the model is available.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8501 && printf 'GET /v1/models/%s HTTP/1.0\\r\\n\\r\\n' \"$MODEL_NAME\" >&3 && grep -q AVAILABLE <&3"]
