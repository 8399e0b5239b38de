#!/bin/bash
# Becomes the server, so that tini's signals reach it. (The image's own start script
# stays in between.) What follows the image's name in `docker run` comes last.
set -eu
exec tensorflow_model_server --port=8500 --rest_api_port=8501 \
    --model_name="$MODEL_NAME" --model_base_path="$MODEL_BASE_PATH/$MODEL_NAME" "$@"
