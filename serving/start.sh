#!/bin/bash
# Replace the shell by the server, so that tini's signals reach it. (The image's own
# start script does not.) Arguments after the image's name in `docker run` come last.
set -eu
exec tensorflow_model_server --port=8500 --rest_api_port=8501 \
    --model_name="$MODEL_NAME" --model_base_path="$MODEL_BASE_PATH/$MODEL_NAME" "$@"
