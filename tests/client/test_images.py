"""Images of every kind, good and bad, over real sockets and both protocols."""

import base64

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from keras_resattn_client import Client
from tests.data.encoded_images import FINE
from tests.data.encoded_images import PHOTO
from tests.data.encoded_images import encoded
from tests.data.encoded_images import png_header

LARGER = encoded(PHOTO.resize((160, 320)), "JPEG")
BOMB = png_header(50_000, 50_000) + b"\0" * 4096
BAD = {
    "nothing": (b"", "is empty"),
    "a text": (b"no image at all", "is not a PNG"),
    "a jpeg cut off in its data": (LARGER[: len(LARGER) // 2], "is cut off"),
    "a jpeg cut off in its header": (FINE["jpeg"][:50], "is cut off or damaged"),
    "a png cut off": (FINE["png"][:300], "is cut off"),
    "an image of another format": (encoded(PHOTO, "TIFF"), "is a TIFF image"),
    "a damaged png": (FINE["png"][:150] + b"x" + FINE["png"][151:], "PNG"),
    "a png without pixels": (png_header(0, 40), "has no pixels"),
    "a png of 2.5 billion pixels": (BOMB, "50000 x 50000 pixels"),
}


def ask_rest(urls, *contents):
    """Return the status and the decoded answer."""
    instances = [{"b64": base64.b64encode(content).decode()} for content in contents]
    url = f"{urls[0]}/v1/models/small:predict"
    answer = httpx.post(url, json={"instances": instances}, timeout=60)
    return answer.status_code, answer.json()


def ask_grpc(urls, *contents):
    """Return the call, ended."""
    request = PredictRequest()
    request.model_spec.name = "small"
    tensor = tf.make_tensor_proto(list(contents), shape=[len(contents)])
    request.inputs["image_bytes"].CopyFrom(tensor)
    with grpc.insecure_channel(urls[1].removeprefix("grpc://")) as channel:
        call = PredictionServiceStub(channel).Predict.future(request, timeout=60)
        call.code()  # waits
    return call


@pytest.mark.parametrize("name", FINE)
def test_every_format_is_answered_as_by_the_model(urls, model_folder, tmp_path, name):
    file = tmp_path / "image"
    file.write_bytes(FINE[name])
    [expected] = model_folder.predict([file])
    status, answer = ask_rest(urls, FINE[name])
    assert status == 200, answer
    [prediction] = answer["predictions"]
    np.testing.assert_allclose(prediction["probabilities"], expected, atol=1e-5)
    outputs = ask_grpc(urls, FINE[name]).result().outputs
    served = tf.make_ndarray(outputs["probabilities"])
    np.testing.assert_allclose(served, [expected], atol=1e-5)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_refused_and_the_server_lives_on(urls, name):
    content, message = BAD[name]
    status, answer = ask_rest(urls, FINE["png"], content)
    assert status == 400
    assert message in answer["error"]
    assert "Traceback" not in answer["error"]
    call = ask_grpc(urls, FINE["png"], content)
    assert call.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in call.details()
    assert ask_rest(urls, FINE["png"])[0] == 200


@pytest.mark.parametrize("text", ["!!!!", "a", "%%%=", "äöü"])
def test_what_is_no_base64_is_refused(urls, text):
    url = f"{urls[0]}/v1/models/small:predict"
    body = {"instances": [{"b64": text}]}
    answer = httpx.post(url, json=body, timeout=60)
    assert answer.status_code == 400
    assert "base64" in answer.json()["error"].lower()
    assert ask_rest(urls, FINE["png"])[0] == 200


def test_the_orientation_of_exif_is_applied(urls):
    turned = PHOTO.transpose(Image.Transpose.ROTATE_90)
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned back
    photos = [
        encoded(PHOTO, "PNG"),
        encoded(turned, "PNG", exif=orientation),
        encoded(turned, "PNG"),
    ]
    _, answer = ask_rest(urls, *photos)
    upright, turned_back, other = (p["probabilities"] for p in answer["predictions"])
    assert upright == turned_back != other


def test_pixels_that_are_no_pixels_are_refused(urls):
    with Client(urls[0], model="small") as client:
        for pixels, message in (
            (np.full((2, 16, 16, 3), 0.5), "multiply them by 255.*from 0.5 to 0.5"),
            (np.full((2, 16, 16, 3), -2.0), "scale them.*from -2 to -2"),
            (np.full((2, 16, 16, 3), np.nan), "from nan to nan"),
        ):
            with pytest.raises(ValueError, match=message):
                client.predict(pixels)


def test_16_bit_images_are_sent_with_their_upper_bits(urls, tmp_path):
    pixels = np.linspace(0, 65_535, 400).reshape(20, 20).astype("uint16")
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    with Client(urls[0], model="small") as client:
        opened = client.predict(Image.open(tmp_path / "grey.png"))
        of_file = client.predict(tmp_path / "grey.png")
        np.testing.assert_allclose(
            opened.probabilities, of_file.probabilities, atol=1e-5
        )
        with pytest.raises(ValueError, match="8 or 16 bits.*mode 'F'"):
            client.predict(Image.open(tmp_path / "grey.png").convert("F"))
