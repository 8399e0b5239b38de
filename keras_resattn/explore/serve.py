"""Serving the page of `keras-resattn explore` until it is told to end."""

import contextlib
import os
import signal
import socket
import tempfile
import threading
import webbrowser
from pathlib import Path

from keras_resattn.explore.examples import example_images
from keras_resattn.explore.explorer import Explorer

MAX_FILE_BYTES = 64 * 1024 * 1024  # as much as the server takes in a request
CLOSING_SECONDS = 1  # pages keep a connection open, and would be waited for


def explore(
    folder, examples=(), host="127.0.0.1", port=7860, open_page=False, announce=print
):
    """Serve a page on which to look at a model's masks, until Ctrl-C or SIGTERM.

    Nothing is sent to anyone but the browser. The files that are dropped on the
    page are deleted in the end.

    Example:

    >>> explore(ModelFolder.open("runs/demo"))
    The page is at http://127.0.0.1:7860 until Ctrl-C ends it.

    Args:
        folder: A `ModelFolder`.
        examples: Paths of images to choose from on the page. By default there
            are some: see `example_images`.
        host: String, the address to bind to. Whoever reaches it can use the page.
        port: Integer, the port; 0 takes a free one.
        open_page: Boolean, whether to open the page in a browser.
        announce: Called like `print`, with one line, once the page is served.

    Raises:
        ImportError: If Gradio or another package of the extra is missing.
        OSError: If the port is taken or may not be used.
        ValueError: If the model has no attention module.
    """
    # What can be wrong at once comes first: loading a model takes time.
    with listen(host, port) as listener, _uploads() as uploads:
        import_gradio()
        explorer = Explorer(folder.model, folder.labels, folder.preprocessing)
        channels = folder.preprocessing.input_shape[-1]
        examples = examples or example_images(channels, uploads)
        server = page_server(explorer, folder.path.resolve().name, examples)
        url = _url(host, listener.getsockname()[1])
        announce(f"The page is at {url} until Ctrl-C ends it.", flush=True)
        if open_page:  # in a thread: some browsers take the terminal
            threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        with _signals_end_in_success():
            server.run(sockets=[listener])


def page_server(explorer, name, examples):
    """Return a `uvicorn.Server` of the page, to be run with a socket.

    Args:
        explorer: The `Explorer` of the model.
        name: String, what the model is called.
        examples: Paths of images to choose from.
    """
    gradio = import_gradio()
    import fastapi
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
        run_history=False,  # would keep images in the browser
        ssr_mode=False,
        mcp_server=False,
    )
    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=CLOSING_SECONDS
        )
    )


def import_gradio():
    """Return the module `gradio`, told to send nothing to its makers."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            'The page needs Gradio: pip install "keras-resattn[explore]"'
        ) from error
    return gradio


def listen(host, port):
    """Return a socket that listens.

    Args:
        host: String, the address.
        port: Integer; 0 takes a free one.

    Raises:
        OSError: If the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise OSError(
            f"Cannot listen there ({reason}); choose another port with --port. "
            f"Received: {host}:{port}"
        ) from error


def _url(host, port):
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}"


@contextlib.contextmanager
def _uploads():
    """Let Gradio keep its files in a folder that is deleted in the end."""
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
def _signals_end_in_success():
    """uvicorn closes at these signals, and then raises them once more."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
