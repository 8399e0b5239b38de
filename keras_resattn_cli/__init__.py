"""The command `keras-resattn`.

A package of its own beside `keras_resattn`, as `--help` shall not wait for
Keras to be imported: each command imports what it needs when it runs.
"""
