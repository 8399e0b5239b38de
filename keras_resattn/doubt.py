"""Tell that a class is unlikely to be known."""


def doubt(probability: float, usual: float | None) -> str:
    """Return a notice if a prediction is less sure than is usual, otherwise `""`.

    Args:
        probability: The probability of the most probable class of an image.
        usual: The probability that 95 % of the test images reach, see
            `keras_resattn.model_folder.ModelFolder.usual_confidence`, or `None`.
    """
    if usual is None or probability >= usual:
        return ""
    return (
        f"Unsure: 95 % of the test images reach {usual:.0%}. This image may have none "
        "of the classes."
    )
