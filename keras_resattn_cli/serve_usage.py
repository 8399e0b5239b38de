"""Check the options of `keras-resattn serve` before anything is loaded."""

import typer

from keras_resattn_cli.options import FACTS
from keras_resattn_cli.options import Engine

_ONLY_RAY = {"min_replicas", "max_replicas", "replica_cpus"}
_ALSO_RAY = {"base", "port", "host", "grpc_port", "engine", *FACTS}


def check_options(context: typer.Context, engine: Engine) -> None:
    """Refuse options that do not fit to each other, or would be ignored.

    Args:
        context: The parsed command.
        engine: The value of `--engine`.

    Raises:
        typer.BadParameter: If some are refused.
    """
    given = _given_flags(context)
    _check_engine(given, engine)
    if len({"base", "model_config_file"} & given.keys()) != 1:
        raise typer.BadParameter(
            "Give either BASE, a folder of models, or --model-config-file FILE. "
            f"Received: {', '.join(given.values()) or 'neither'}"
        )
    for name, needed in (
        ("tls_certificate", "tls_key"),
        ("tls_key", "tls_certificate"),
        ("cors_origins", "rest_api_enable_cors_support"),
        ("model_config_file_poll_wait_seconds", "model_config_file"),
    ):
        if name in given and needed not in given:
            flag = "--" + needed.replace("_", "-")
            raise typer.BadParameter(
                f"{given[name]} only works with {flag}. Add it, or leave out "
                f"{given[name]}. Received: {', '.join(given.values())}"
            )


def _given_flags(context: typer.Context) -> dict[str, str]:
    """Return the options of the command line: their flags by their parameters."""
    flags = {}
    for option in context.command.params:
        source = context.get_parameter_source(option.name)
        if source is not None and source.name == "COMMANDLINE":
            off = context.params[option.name] is False
            flag = (option.secondary_opts if off else option.opts)[0]
            flags[option.name] = flag if flag.startswith("-") else flag.upper()
    return flags


def _check_engine(flags: dict[str, str], engine: Engine) -> None:
    if engine is Engine.ray:
        if "base" not in flags:
            raise typer.BadParameter("--engine ray needs BASE. Received: no BASE")
        refused = [flags[name] for name in flags if name not in _ALSO_RAY | _ONLY_RAY]
        if refused:
            raise typer.BadParameter(
                "--engine ray does not support these options. Leave them out. "
                f"Received: {', '.join(refused)}"
            )
    else:
        refused = [flags[name] for name in flags if name in _ONLY_RAY]
        if refused:
            raise typer.BadParameter(
                "These options only work with --engine ray. Add it, or leave them out. "
                f"Received: {', '.join(refused)}"
            )
