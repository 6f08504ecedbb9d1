// Everything that can be wrong with a resolved experiment before any shape is known, all of it at once.
#include "frontend/check_experiment.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include "frontend/check_data.h"
#include "frontend/check_images.h"
#include "frontend/check_network.h"
#include "frontend/check_training.h"
#include "frontend/layer_names.h"
#include "frontend/lint/lint.h"
#include "frontend/section_check.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_readable_text(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return false;
    size_t length = c < 0x80                ? 1
                    : c >= 0xf0 && c < 0xf5 ? 4
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xc2 && c < 0xe0 ? 2
                                            : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

class ExperimentCheck : SectionCheck {
public:
  ExperimentCheck(const Positions& positions, Diagnostics& diagnostics)
      : SectionCheck(positions, diagnostics, reported_) {}

  void run(const proto::Experiment& experiment) {
    check_values(experiment, "");
    check_sections(experiment);
    if (experiment.has_network()) check_network(experiment.network(), positions_, diagnostics_);
    if (experiment.has_data()) check_data(experiment.data(), positions_, diagnostics_);
    check_network_inputs(experiment);
    check_images(experiment, positions_, diagnostics_, reported_);
    if (experiment.has_training()) check_training(experiment.training(), positions_, diagnostics_, reported_);
    for (int i = 0; i < experiment.metrics().top_k_size(); ++i) check_top_k(experiment.metrics(), i);
    for (int i = 0; i < experiment.lint().silence_size(); ++i) check_silenced(experiment.lint(), i);
  }

private:
  // Numbers must be finite and strings readable, wherever they stand.
  void check_values(const Message& message, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      std::string own = path.empty() ? field->name() : path + "." + field->name();
      int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i)
        check_value(message, *field, i, field->is_repeated() ? fmt::format("{}[{}]", own, i) : own);
    }
  }

  void check_value(const Message& message, const FieldDescriptor& field, int i, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    bool repeated = field.is_repeated();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      check_values(
          repeated ? reflection.GetRepeatedMessage(message, &field, i) : reflection.GetMessage(message, &field), path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      double value =
          repeated ? reflection.GetRepeatedDouble(message, &field, i) : reflection.GetDouble(message, &field);
      if (std::isfinite(value) && std::abs(value) <= 1e30) return;
      error(path, fmt::format("{} is {}: it must be a finite number within +-1e30", field.name(), value));
      reported_.insert(path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      std::string text =
          repeated ? reflection.GetRepeatedString(message, &field, i) : reflection.GetString(message, &field);
      if (is_readable_text(text)) return;
      error(path, fmt::format("{} is not readable text", field.name()), "UTF-8 without control characters");
      reported_.insert(path);
    }
  }

  void check_sections(const proto::Experiment& experiment) {
    require(experiment.has_network(), "", "network section", "network { layer { ... } layer { ... } }");
    require(experiment.has_data(), "", "data section", "data { idx { train_images: \"...\" ... } }");
    require(experiment.has_training(), "", "training section",
            "training { batch: 64 epochs: 5 sgd { momentum: 0.9 } learning_rate { start: 0.01 } }");
    if (!is_good_name(experiment.name()) || experiment.name().find('/') != std::string::npos)
      error("name", "not a name for an experiment", "use letters, digits and _ - . (at most 200)");
  }

  void check_network_inputs(const proto::Experiment& experiment) {
    const proto::Network& network = experiment.network();
    switch (experiment.data().source_case()) {
    case proto::Data::kIdx:
      return refuse_network_inputs(network, "idx gives", "it holds");
    case proto::Data::kFolder:
      return refuse_network_inputs(network, "folder gives", "it holds");
    case proto::Data::kCifar:
      return refuse_network_inputs(network, "cifar gives", "it holds");
    case proto::Data::kList:
      return refuse_network_inputs(network, "list gives", "it names");
    case proto::Data::kNpz:
      if (experiment.data().npz().has_train()) check_arrays("train", experiment.data().npz().train(), network);
      if (experiment.data().npz().has_validation())
        check_arrays("validation", experiment.data().npz().validation(), network);
      if (experiment.data().npz().has_test()) check_arrays("test", experiment.data().npz().test(), network);
      return;
    case proto::Data::kSynthetic: // makes up what is wanted
    case proto::Data::SOURCE_NOT_SET:
      return;
    }
  }

  void refuse_network_inputs(const proto::Network& network, std::string_view gives, std::string_view holds) {
    for (int i = 0; i < network.input_size(); ++i)
      error(fmt::format("network.input[{}]", i),
            fmt::format("{} no \"{}\": {} images and labels", gives, network.input(i).name(), holds),
            "npz can; and without a source, image { height: 28 }, the network can be checked and timed");
  }

  // An array for each input, and none for what is no input.
  void check_arrays(std::string_view split, const proto::NpzPart& part, const proto::Network& network) {
    const std::string path = fmt::format("data.npz.{}", split);
    std::vector<std::string> wanted;
    for (const proto::NetworkInput& input : network.input()) {
      wanted.push_back(input.name());
      const bool is_given = std::any_of(part.input().begin(), part.input().end(),
                                        [&](const proto::NpzInput& given) { return given.name() == input.name(); });
      if (!is_given)
        error(path, fmt::format("no array is named for the network's input \"{}\"", input.name()),
              fmt::format("input {{ name: \"{}\" array: \"{}.npy\" }}", input.name(), input.name()));
    }
    std::set<std::string> seen;
    for (int i = 0; i < part.input_size(); ++i) {
      const proto::NpzInput& input = part.input(i);
      const std::string place = fmt::format("{}.input[{}]", path, i);
      if (std::find(wanted.begin(), wanted.end(), input.name()) == wanted.end())
        error(place, fmt::format("the network has no input \"{}\"", input.name()), suggestion(input.name(), wanted));
      else if (!seen.insert(input.name()).second)
        error(place, fmt::format("a second array for the input \"{}\"", input.name()));
      else if (input.array().empty())
        error(place, fmt::format("no array is named for the network's input \"{}\"", input.name()),
              fmt::format("array: \"{}.npy\"", input.name()));
    }
  }

  void check_silenced(const proto::Lint& lint, int i) {
    std::vector<std::string> ids;
    for (const LintRule& rule : lint_rules()) ids.emplace_back(rule.id);
    if (std::find(ids.begin(), ids.end(), lint.silence(i)) != ids.end()) return;
    const std::string close = suggestion(lint.silence(i), ids);
    error(fmt::format("lint.silence[{}]", i), fmt::format("lint has no rule \"{}\"", lint.silence(i)),
          close.empty() ? "`kiln check --lint` shows the ids of what it says" : close);
  }

  void check_top_k(const proto::Metrics& metrics, int i) {
    const std::string path = fmt::format("metrics.top_k[{}]", i);
    check_count(path, "top_k", metrics.top_k(i));
    for (int before = 0; before < i; ++before)
      if (metrics.top_k(before) == metrics.top_k(i)) error(path, fmt::format("top_k has {} twice", metrics.top_k(i)));
  }

  std::set<std::string> reported_; // paths already reported as such
};

} // namespace

void check_experiment(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics) {
  ExperimentCheck(positions, diagnostics).run(resolved);
}

} // namespace kiln::frontend
