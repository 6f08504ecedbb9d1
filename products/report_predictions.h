// Shows what a network says of images: a line each, or one JSON document.
#pragma once

#include "products/classify.h"
#include "runtime/product.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kiln::products {

class PredictionReport {
public:
  // `top` classes of each. Throws runtime::Error (unsupported) when the network gives something else than
  // probabilities of classes.
  PredictionReport(const kiln_program& program, std::string program_name, int64_t top, bool json);

  // In the order of samples; a sample with a problem is told as an error, at once.
  void add(std::string_view name, const std::string& problem, std::span<const float> probabilities);
  // The exit code: that of unreadable data if there was a problem.
  int finish();

private:
  std::string class_name(int64_t index) const;
  void add_json(std::string_view name, const std::string& problem, std::span<const float> probabilities);

  const kiln_program& program_;
  std::string program_name_;
  int64_t top_;
  bool json_;
  size_t name_width_ = 0;
  int64_t samples_ = 0;
  int64_t problems_ = 0;
};

// Classifies the files among `words` and the images below directories among them, each told in its turn. Files become
// images by `fit`; `background` is what transparent ones are laid on. Returns the exit code.
int report_files(PredictionReport report, Classifier& classifier, std::span<const std::string> words,
                 const runtime::FitRule& fit, const std::array<uint8_t, 3>& background);

} // namespace kiln::products
