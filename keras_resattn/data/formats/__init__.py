"""Image formats, read in the graph by TensorFlow's standard operations.

Each format has a module with two functions: `read_header(content)` returns a
`Header`, and `decode(content)` returns the image as uint8 RGB `(h, w, 3)`.
"""
