# The fixtures of the commands' tests, which these tests use as well.
from tests.cli.conftest import rest_url  # noqa: F401
from tests.cli.conftest import run  # noqa: F401
from tests.cli.conftest import urls  # noqa: F401
