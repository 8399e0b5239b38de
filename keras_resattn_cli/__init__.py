"""The command `keras-resattn`.

It is a package of its own beside `keras_resattn`, because `--help` must not wait until
Keras is imported. Each command imports what it needs when it runs.
"""
