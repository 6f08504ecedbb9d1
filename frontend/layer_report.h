// Speaks of one layer: adds its name, its kind and the position of one of its fields to what is said.
// Field paths are relative to the layer: "convolution.kernel", "input[1]", or "" for the layer itself.
#pragma once

#include <string>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

class LayerReport {
public:
  LayerReport(const proto::Layer& layer, int index, const Positions& positions, Diagnostics& diagnostics);

  void error(const std::string& field, std::string message, std::string hint = {});
  void warning(const std::string& field, std::string message, std::string hint = {});
  // For what must be given; silent where a name was not understood, since that may have been meant.
  void missing(const std::string& message_field, std::string message, std::string hint = {});

  // Whether error or missing was called, or missing would have been.
  bool failed() const { return failed_; }
  Place place(const std::string& field) const;

private:
  void add(Severity severity, const std::string& field, std::string message, std::string hint);

  const proto::Layer& layer_;
  std::string path_;
  const Positions& positions_;
  Diagnostics& diagnostics_;
  bool failed_ = false;
};

} // namespace kiln::frontend
