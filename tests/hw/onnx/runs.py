"""Results of ONNX models by onnxruntime."""

from pathlib import Path

import numpy as np
import onnxruntime

TYPES = {"tensor(float)": "float32"} | {
    f"tensor({sign}int{width})": f"{sign}int{width}" for sign in ("", "u") for width in (8, 16)
}


def results(model: Path | bytes, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Run a model of one input as it is, or as onnxruntime would rather have it; by output."""
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    made = session.run(names, {taken.name: pictures.astype(TYPES[taken.type])})
    return dict(zip(names, map(np.asarray, made), strict=True))
