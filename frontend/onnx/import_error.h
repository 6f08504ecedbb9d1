// What stops the import of one node or tensor of an ONNX model. Caught where the node or tensor is known by name, so
// that the others are still looked at and everything is told at once.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "frontend/diagnostics.h"

namespace kiln::frontend::onnx {

struct ImportError : std::runtime_error {
  ImportError(ErrorKind error_kind, const std::string& message, std::string error_hint)
      : std::runtime_error(message), kind(error_kind), hint(std::move(error_hint)) {}

  ErrorKind kind;
  std::string hint;
};

// The model breaks a rule of ONNX.
[[noreturn]] inline void refuse_invalid(const std::string& message, std::string hint = {}) {
  throw ImportError(ErrorKind::model, message, std::move(hint));
}

// The model is fine, but Kiln cannot do that.
[[noreturn]] inline void refuse_unsupported(const std::string& message, std::string hint = {}) {
  throw ImportError(ErrorKind::unsupported, message, std::move(hint));
}

} // namespace kiln::frontend::onnx
