"""ONNX files as TensorFlow functions: parsed, checked, and computed operator by operator."""
