// ONNX file -> message.
// protobuf does the reading; a file that it cannot read is told in our words.
#include "frontend/onnx/read_model.h"

#include <cerrno>
#include <climits>
#include <cstring>

#include <fmt/format.h>

#include "frontend/read_file.h"

namespace kiln::frontend::onnx {
namespace {

template <class Message> bool parse(std::string_view bytes, const std::string& file, std::string_view what,
                                    Message& message, Diagnostics& diagnostics) {
  if (bytes.empty()) {
    diagnostics.error(ErrorKind::model, {file, 0, 0}, fmt::format("is empty: no {}", what));
    return false;
  }
  if (bytes.size() > INT_MAX) {
    diagnostics.error(ErrorKind::unsupported, {file, 0, 0}, "is larger than 2 GB, which no protobuf file can be");
    return false;
  }
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    diagnostics.error(ErrorKind::model, {file, 0, 0}, fmt::format("holds no {}: it is damaged or cut short", what));
    return false;
  }
  return true;
}

std::optional<std::string> read_bytes(const std::string& path, Diagnostics& diagnostics) {
  std::optional<std::string> bytes = read_file(path);
  if (!bytes) diagnostics.error(ErrorKind::data, {path, 0, 0}, fmt::format("cannot be read: {}", std::strerror(errno)));
  return bytes;
}

} // namespace

std::optional<proto::ModelProto> parse_model(std::string_view bytes, const std::string& file,
                                             Diagnostics& diagnostics) {
  proto::ModelProto model;
  if (!parse(bytes, file, "ONNX model", model, diagnostics)) return std::nullopt;
  if (model.has_graph()) return model;
  diagnostics.error(ErrorKind::model, {file, 0, 0}, "holds no graph",
                    "is it an ONNX model? those of other frameworks have to be exported to ONNX first");
  return std::nullopt;
}

std::optional<proto::ModelProto> read_model(const std::string& path, Diagnostics& diagnostics) {
  std::optional<std::string> bytes = read_bytes(path, diagnostics);
  return bytes ? parse_model(*bytes, path, diagnostics) : std::nullopt;
}

std::optional<proto::TensorProto> read_tensor_file(const std::string& path, Diagnostics& diagnostics) {
  std::optional<std::string> bytes = read_bytes(path, diagnostics);
  proto::TensorProto tensor;
  if (!bytes || !parse(*bytes, path, "ONNX tensor", tensor, diagnostics)) return std::nullopt;
  return tensor;
}

} // namespace kiln::frontend::onnx
