"""From an architecture to ONNX graphs: skeletons of markers, the passes that write them out."""
