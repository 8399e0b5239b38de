"""Serve the page of `keras-resattn explore` (extra `explore`)."""

import contextlib
import os
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resattn.explore.explorer import Explorer
from keras_resattn.model_folder import ModelFolder
from keras_resattn.typing import StrPath
from keras_resattn_client.addresses import address_error
from keras_resattn_client.extras import require_extra

if TYPE_CHECKING:
    import uvicorn

MAX_FILE_BYTES = 64 * 1024 * 1024  # as the request limit of the model server
CLOSING_SECONDS = 1  # open pages keep their connections


def explore(
    folder: ModelFolder,
    examples: Sequence[StrPath] = (),
    host: str = "127.0.0.1",
    port: int = 7860,
    open_page: bool = False,
    announce: Callable[..., object] = print,
) -> None:
    """Serve a page that shows the masks of a model, until Ctrl-C or SIGTERM.

    Data is sent to the browser only. Uploaded files are deleted at the end.

    Example:

    >>> explore(ModelFolder.open("runs/demo"))
    The page is at http://127.0.0.1:7860 until Ctrl-C ends it.

    Args:
        folder: A `ModelFolder`.
        examples: Paths of images to choose from on the page. Defaults to those
            of `example_images`.
        host: String, the address to bind to. Everyone who can reach it can use the
            page.
        port: Integer, the port. 0 takes a free one.
        open_page: Boolean, whether to open the page in a browser.
        announce: Called like `print`, with one line, when the page is served.

    Raises:
        ImportError: If a package of the extra `explore` is missing.
        OSError: If the port is taken or may not be used.
        ValueError: If the model has no attention module.
    """
    require_extra("explore", "The web page")
    from keras_resattn.explore.examples import example_images

    # Before the model is loaded, which takes time: the port may be taken.
    with listen(host, port) as listener, _uploads() as uploads:
        channels = folder.preprocessing.input_shape[-1]
        examples = examples or example_images(channels, uploads)
        explorer = Explorer(
            folder.model,
            folder.labels,
            folder.preprocessing,
            examples,
            usual_confidence=folder.usual_confidence,
        )
        server = page_server(explorer, folder.path.resolve().name, examples)
        explorer.warm_up()
        url = _url(host, listener.getsockname()[1])
        announce(f"The page is at {url} until Ctrl-C ends it.", flush=True)
        if open_page:  # in a thread, because some browsers block the terminal
            threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        with _signals_end_in_success():
            server.run(sockets=[listener])


def page_server(
    explorer: Explorer, name: str, examples: Sequence[StrPath]
) -> "uvicorn.Server":
    """Return a `uvicorn.Server` of the page. Run it with a socket.

    Args:
        explorer: The `Explorer` of the model.
        name: String, the name of the model.
        examples: Paths of images to choose from.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported
    import fastapi
    import gradio
    import uvicorn

    from keras_resattn.explore.page import THEME
    from keras_resattn.explore.page import build_page

    folder = Path(__file__).parent
    script = (folder / "page.js").read_text(encoding="utf-8")
    app = gradio.mount_gradio_app(
        fastapi.FastAPI(openapi_url=None),
        build_page(explorer, name, examples),
        path="/",
        theme=THEME,
        css_paths=folder / "page.css",
        head=f"<script>{script}</script>",
        footer_links=[],
        max_file_size=MAX_FILE_BYTES,
        run_history=False,  # it would keep images in the browser
        ssr_mode=False,
        mcp_server=False,
    )
    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=CLOSING_SECONDS
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: String, the address.
        port: Integer, the port. 0 takes a free one.

    Raises:
        OSError: If the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise address_error(host, port, "--port", error) from error


def _url(host, port):
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}"


@contextlib.contextmanager
def _uploads() -> Iterator[Path]:
    """Make Gradio keep its files in a folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="keras-resattn-") as folder:
        before = os.environ.get("GRADIO_TEMP_DIR")
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["GRADIO_TEMP_DIR"]
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


@contextlib.contextmanager
def _signals_end_in_success() -> Iterator[None]:
    """Ignore the signals that uvicorn raises again after it has closed."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
