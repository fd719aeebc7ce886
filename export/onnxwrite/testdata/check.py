"""Holds ONNX files to the ONNX checker, shapes included: check.py FILE... (Debian: python3-onnx)."""
import sys

import onnx

for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    print(path, len(inferred.graph.node), "nodes")
