"""silero_stream.py LIBRARY STREAM N: N recorded steps through vad_step and its state struct, against the recorded outputs."""

import array
import ctypes
import pathlib
import sys


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def floats(path):
    """The values of an ONNX TensorProto of floats: field 9, raw bytes, or field 4, packed."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            _, at = varint(data, at)
            continue
        if key & 7 != 2:
            raise ValueError(f"{path}: not a TensorProto")
        size, at = varint(data, at)
        if key >> 3 in (4, 9):
            return array.array("f", data[at : at + size])
        at += size
    raise ValueError(f"{path}: no data")


def main():
    library, stream, n = ctypes.CDLL(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    pad = 64
    memory = ctypes.create_string_buffer(1 << 20)  # far more than VAD_WORKSPACE_BYTES
    workspace = ctypes.c_void_p((ctypes.addressof(memory) + pad) // pad * pad)
    state = (ctypes.c_float * 256)()
    library.vad_reset(state)
    worst = 0.0
    for k in range(n):
        folder = stream / f"test_data_set_{k}"
        samples, wanted = floats(folder / "input_0.pb"), floats(folder / "output_0.pb")
        seen = ctypes.c_float()
        if library.vad_step(state, (ctypes.c_float * 576)(*samples), ctypes.byref(seen), workspace):
            sys.exit(f"step {k} failed")
        error = abs(seen.value - wanted[0])
        worst = max(worst, error)
        if not error <= 1e-4 + 1e-4 * abs(wanted[0]):
            sys.exit(f"step {k}: {seen.value} seen, {wanted[0]} wanted")
    print(f"{n} steps, max error {worst:.2g}")


main()
