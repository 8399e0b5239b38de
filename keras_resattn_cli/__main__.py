"""`python -m keras_resattn_cli`, the same as `keras-resattn`."""

from keras_resattn_cli.main import main

main()
