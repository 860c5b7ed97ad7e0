"""Where the tensors of a file lie, read from its header alone: nothing is executed, unpickled or believed unchecked.

    layout        `Tensor`, `TensorFile`, and the bounds and checks that hold for every format
    reading       `read_tensors`: which format a file begins like, and what its reader said
    metadata      `read_metadata`: what a header says beside its tensors
    source        exact reads, bounded in all
    items         kinds of items: their bits, and how many bytes repeat as an item
    safetensors   a JSON header, scanned piece by piece
    gguf_pairs    the key-value pairs of GGUF
    gguf, ggml    llama.cpp's files, and the sizes of their quantised blocks
    npy           one NumPy array
    archive       the directory of a zip, checked against its local headers
    zipped        NumPy's .npz and PyTorch's zip
    storages      the storage types that PyTorch's pickle names, followed as data
    onnx          initialisers of an ONNX graph

Rules: a file that begins like a format and does not keep its rules is laid out as plain bytes, with a `problem` in words;
only an `OSError` of the source is raised. At most `source.MOST_READ` bytes of a file are read, whatever it says.

    >>> import io
    >>> read_tensors(io.BytesIO(b"a text"), 6) is None
    True
"""

from lastgood.formats.tensors.layout import Tensor, TensorFile
from lastgood.formats.tensors.reading import read_tensors

__all__ = ["Tensor", "TensorFile", "read_tensors"]
