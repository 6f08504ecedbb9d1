// ONNX file -> message. What the model means is not looked at here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/diagnostics.h"
#include "frontend/proto/onnx.pb.h"

namespace kiln::frontend::onnx {

// Empty when the file cannot be read (data error) or does not hold a model.
std::optional<proto::ModelProto> read_model(const std::string& path, Diagnostics& diagnostics);

// The same from bytes that are already in memory; `file` is what errors say.
std::optional<proto::ModelProto> parse_model(std::string_view bytes, const std::string& file, Diagnostics& diagnostics);

// One tensor in a file of its own, as tests of ONNX give inputs and outputs.
std::optional<proto::TensorProto> read_tensor_file(const std::string& path, Diagnostics& diagnostics);

} // namespace kiln::frontend::onnx
