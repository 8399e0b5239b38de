"""Recipes of tests, changed in a setting or two."""

from keras_resattn.recipes.settings import Recipe


def changed(recipe, settings):
    """Return a recipe with settings, by keys such as "train.epochs", changed."""
    values = recipe.model_dump()
    for key, value in settings.items():
        *sections, last = key.split(".")
        place = values
        for section in sections:
            place = place[section]
        place[last] = value
    return Recipe.model_validate(values)
