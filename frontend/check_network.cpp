// Names, wiring and the loss of a resolved network.
// Layers can only take what stands before them, so a forward reference and a cycle are the same mistake.
#include "frontend/check_network.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "frontend/layer_names.h"
#include "frontend/layer_report.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

class NetworkCheck {
public:
  NetworkCheck(const proto::Network& network, const Positions& positions, Diagnostics& diagnostics)
      : network_(network), positions_(positions), diagnostics_(diagnostics) {
    for (int i = 0; i < network.layer_size(); ++i) first_use_.try_emplace(network.layer(i).name(), i);
  }

  void run() {
    if (network_.layer().empty()) {
      if (!positions_.is_damaged("network"))
        diagnostics_.error(ErrorKind::model, positions_.find("network"), "the network has no layers",
                           "write them in order: network { layer { dense { units: 10 } } ... }");
      return;
    }
    for (int i = 0; i < network_.layer_size(); ++i) {
      LayerReport report(network_.layer(i), i, positions_, diagnostics_);
      check_kind(network_.layer(i), report);
      check_name(i, report);
      check_inputs(i, report);
    }
    check_losses();
    if (!miswired_) warn_of_unused();
  }

private:
  void check_kind(const proto::Layer& layer, LayerReport& report) {
    if (layer.kind_case() == proto::Layer::KIND_NOT_SET)
      report.missing("", "it has no kind", "say what it is, for example relu {}");
  }

  void check_name(int index, LayerReport& report) {
    const std::string& name = network_.layer(index).name();
    if (!is_good_name(name)) {
      miswired_ = true;
      report.error("name", "not a name for a layer", "use letters, digits and _ - . / (at most 200)");
      return;
    }
    if (name == kImage || name == kLabel) {
      miswired_ = true;
      report.error("name", fmt::format("\"{}\" is the name of a network input", name), "choose another name");
      return;
    }
    int first = first_use_.at(name);
    if (first == index) return;
    LayerReport other(network_.layer(first), first, positions_, diagnostics_);
    int line = other.place("name").line;
    std::string where = line > 0 ? fmt::format("on line {}", line) : "before it";
    bool is_derived = report.place("name") == report.place("");
    if (is_derived)
      report.error("", fmt::format("the name derived for it is that of another layer, {}", where),
                   "give it a name of its own");
    else
      report.error("name", fmt::format("another layer of this name stands {}", where), "give one of them another name");
  }

  void check_inputs(int index, LayerReport& report) {
    const proto::Layer& layer = network_.layer(index);
    const auto [least, or_more] = inputs_wanted(layer);
    bool has_kind = layer.kind_case() != proto::Layer::KIND_NOT_SET;
    bool is_right = layer.input_size() == least || (or_more && layer.input_size() > least);
    miswired_ = miswired_ || !has_kind || !is_right;
    if (has_kind && !is_right)
      report.error(layer.input().empty() ? "" : "input",
                   fmt::format("takes {}{} input{}, {} given", least, or_more ? " or more" : "", least == 1 ? "" : "s",
                               layer.input_size()),
                   least == 1 ? "" : fmt::format("name {}: input: [\"a\", \"b\"]", or_more ? "them" : "both"));
    for (int k = 0; k < layer.input_size(); ++k) {
      const std::string& input = layer.input(k);
      if (input == kImage) continue;
      std::string field = fmt::format("input[{}]", k);
      auto found = first_use_.find(input);
      if (found == first_use_.end()) {
        report.error(field, fmt::format("there is no layer \"{}\"", input), suggestion(input, names_before(index)));
      } else if (found->second == index) {
        report.error(field, "takes its own output as input", "name an earlier layer");
      } else if (found->second > index) {
        report.error(field, fmt::format("takes \"{}\", which stands later", input),
                     "layers are in order: a layer can only take what stands before it");
      } else if (is_loss(network_.layer(found->second))) {
        report.error(field, fmt::format("takes \"{}\", which is a loss", input), "the loss is the last layer");
      } else {
        used_.insert(input);
        continue;
      }
      miswired_ = true;
    }
  }

  std::vector<std::string> names_before(int index) const {
    std::vector<std::string> names{std::string(kImage)};
    for (int i = 0; i < index; ++i) names.push_back(network_.layer(i).name());
    return names;
  }

  void check_losses() {
    std::vector<int> losses;
    for (int i = 0; i < network_.layer_size(); ++i)
      if (is_loss(network_.layer(i))) losses.push_back(i);
    int last = network_.layer_size() - 1;
    if (losses.empty()) {
      bool is_misspelt = network_.layer(last).kind_case() == proto::Layer::KIND_NOT_SET;
      if (!is_misspelt)
        diagnostics_.error(ErrorKind::model, positions_.find(fmt::format("network.layer[{}]", last)),
                           "the network has no loss", "end it with layer { softmax_cross_entropy {} }");
      return;
    }
    for (size_t i = 1; i < losses.size(); ++i) {
      LayerReport report(network_.layer(losses[i]), losses[i], positions_, diagnostics_);
      report.error("", fmt::format("a second loss beside \"{}\"", network_.layer(losses[0]).name()),
                   "a network has one loss, its last layer");
    }
    if (losses.size() > 1 || losses[0] == last) return;
    const proto::Layer& next = network_.layer(losses[0] + 1);
    bool takes_it = std::count(next.input().begin(), next.input().end(), network_.layer(losses[0]).name()) > 0;
    if (takes_it) return; // said with its inputs
    LayerReport report(next, losses[0] + 1, positions_, diagnostics_);
    report.error("", fmt::format("stands after the loss \"{}\"", network_.layer(losses[0]).name()),
                 "the loss is the last layer");
  }

  void warn_of_unused() {
    for (int i = 0; i + 1 < network_.layer_size(); ++i) {
      const proto::Layer& layer = network_.layer(i);
      if (is_loss(layer) || used_.contains(layer.name()) || first_use_.at(layer.name()) != i) continue;
      LayerReport(layer, i, positions_, diagnostics_).warning("", "nothing takes its output");
    }
  }

  const proto::Network& network_;
  const Positions& positions_;
  Diagnostics& diagnostics_;
  std::map<std::string, int> first_use_; // index of the first layer of each name
  std::set<std::string> used_;
  bool miswired_ = false; // then what is unused is a consequence
};

} // namespace

void check_network(const proto::Network& network, const Positions& positions, Diagnostics& diagnostics) {
  NetworkCheck(network, positions, diagnostics).run();
}

} // namespace kiln::frontend
