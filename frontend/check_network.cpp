// Names, wiring and the loss of a resolved network.
// Layers can only take what stands before them, so a forward reference and a cycle are the same mistake.
#include "frontend/check_network.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "frontend/layer_names.h"
#include "frontend/layer_report.h"
#include "frontend/shared_parameters.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

class NetworkCheck {
public:
  NetworkCheck(const proto::Network& network, const Positions& positions, Diagnostics& diagnostics)
      : network_(network), positions_(positions), diagnostics_(diagnostics) {
    for (int i = 0; i < network.layer_size(); ++i) first_use_.try_emplace(network.layer(i).name(), i);
    for (int i = 0; i < network.layer_size(); ++i)
      for (int part = 0; part < parts_of(network.layer(i)); ++part)
        first_use_.try_emplace(part_name(network.layer(i), part), i);
    inputs_.emplace(kImage);
  }

  void run() {
    if (network_.layer().empty()) {
      if (!positions_.is_damaged("network"))
        diagnostics_.error(ErrorKind::model, positions_.find("network"), "the network has no layers",
                           "write them in order: network { layer { dense { units: 10 } } ... }");
      return;
    }
    for (int i = 0; i < network_.input_size(); ++i) check_input(network_.input(i), fmt::format("network.input[{}]", i));
    for (int i = 0; i < network_.layer_size(); ++i) {
      LayerReport report(network_.layer(i), i, positions_, diagnostics_);
      check_kind(network_.layer(i), report);
      check_name(i, report);
      check_inputs(i, report);
      check_shared(network_, i, positions_, diagnostics_);
    }
    for (int i = 0; i < network_.output_size(); ++i) check_output(i);
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
    if (inputs_.contains(name) || name == kLabel) {
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
    const auto [least, or_more, or_one_more] = inputs_wanted(layer);
    bool has_kind = layer.kind_case() != proto::Layer::KIND_NOT_SET;
    bool is_right = layer.input_size() == least || (or_more && layer.input_size() > least) ||
                    (or_one_more && layer.input_size() == least + 1);
    miswired_ = miswired_ || !has_kind || !is_right;
    if (has_kind && !is_right)
      report.error(layer.input().empty() ? "" : "input",
                   fmt::format("takes {}{} input{}, {} given", least,
                               or_more       ? " or more"
                               : or_one_more ? " or 2"
                                             : "",
                               least == 1 && !or_one_more ? "" : "s", layer.input_size()),
                   least == 1 ? "" : fmt::format("name {}: input: [\"a\", \"b\"]", or_more ? "them" : "both"));
    for (int k = 0; k < layer.input_size(); ++k) {
      const std::string& input = layer.input(k);
      if (inputs_.contains(input)) continue;
      std::string field = fmt::format("input[{}]", k);
      auto found = first_use_.find(input);
      if (found == first_use_.end()) {
        report.error(field, fmt::format("there is no layer \"{}\"", input), suggestion(input, names_before(index)));
      } else if (found->second == index) {
        report.error(field, "takes its own output as input", "name an earlier layer");
      } else if (found->second > index) {
        report.error(field, fmt::format("takes \"{}\", which stands later", input),
                     "layers are in order: a layer can only take what stands before it");
      } else if (const int parts = parts_of(network_.layer(found->second));
                 parts > 0 && network_.layer(found->second).name() == input) {
        report.error(field, fmt::format("takes \"{}\", which has several outputs", input),
                     fmt::format("name one of \"{0}.1\" to \"{0}.{1}\"", input, parts));
      } else if (is_loss(network_.layer(found->second))) {
        report.error(field, fmt::format("takes \"{}\", which is a loss", input),
                     "a loss gives one number, which only training uses");
      } else {
        used_.insert(network_.layer(found->second).name());
        continue;
      }
      miswired_ = true;
    }
  }

  std::vector<std::string> names_before(int index) const {
    std::vector<std::string> names(inputs_.begin(), inputs_.end());
    for (int i = 0; i < index; ++i) names.push_back(network_.layer(i).name());
    return names;
  }

  void check_input(const proto::NetworkInput& input, const std::string& path) {
    const std::string& name = input.name();
    auto error = [&](const std::string& field, std::string message, std::string hint) {
      diagnostics_.error(ErrorKind::model, positions_.find(path + field), std::move(message), std::move(hint));
    };
    if (!input.has_name() && !positions_.is_damaged(path))
      error("", "the input has no name", "input { name: \"depth\" dims: [1, 32, 32] }");
    else if (input.has_name() && !is_good_name(name))
      error(".name", "not a name for an input", "use letters, digits and _ - . / (at most 200)");
    else if (name == kLabel || (input.has_name() && !inputs_.insert(name).second))
      error(".name", fmt::format("another input is called \"{}\"", name), "choose another name");
    if (input.dims().empty() && !positions_.is_damaged(path))
      error("", fmt::format("input \"{}\" has no dims", name), "dims: [1, 32, 32]");
    constexpr int64_t largest = int64_t{1} << 31; // as for sizes of images
    int64_t values = 1;
    for (int k = 0; k < input.dims_size(); ++k) {
      if (input.dims(k) < 1 || input.dims(k) > largest / values) {
        error(fmt::format(".dims[{}]", k),
              fmt::format("dims hold {}: each must be at least 1, and all values together "
                          "at most 2^31",
                          input.dims(k)),
              {});
        break;
      }
      values *= input.dims(k);
    }
    if (input.dims_size() == 2 || input.dims_size() > 3)
      error(".dims", fmt::format("input \"{}\" has {} sizes", name, input.dims_size()),
            "one (values) or three (channels, height, width)");
  }

  void check_output(int index) {
    const std::string& output = network_.output(index);
    const Place place = positions_.find(fmt::format("network.output[{}]", index));
    auto found = first_use_.find(output);
    const bool is_repeated = std::count(network_.output().begin(), network_.output().begin() + index, output) > 0;
    if (found == first_use_.end())
      diagnostics_.error(ErrorKind::model, place, fmt::format("there is no layer \"{}\" to give out", output),
                         suggestion(output, names_before(network_.layer_size())));
    else if (is_loss(network_.layer(found->second)))
      diagnostics_.error(ErrorKind::model, place, fmt::format("\"{}\" is a loss, which predict does not have", output));
    else if (is_repeated || output == kProbability)
      diagnostics_.error(ErrorKind::model, place, fmt::format("another output is called \"{}\"", output));
    else
      used_.insert(output);
  }

  void check_losses() {
    bool has_loss = false;
    for (int i = 0; i < network_.layer_size(); ++i) {
      const proto::Layer& layer = network_.layer(i);
      LayerReport report(layer, i, positions_, diagnostics_);
      has_loss = has_loss || is_loss(layer);
      if (!layer.has_loss_weight()) continue;
      if (!is_loss(layer))
        report.error("loss_weight", "is no loss, and has no loss_weight");
      else if (!(layer.loss_weight() >= 0) || std::isinf(static_cast<float>(layer.loss_weight())))
        report.error("loss_weight",
                     fmt::format("loss_weight is {}: it must be at least 0 and fit a float", layer.loss_weight()));
    }
    int last = network_.layer_size() - 1;
    bool is_misspelt = network_.layer(last).kind_case() == proto::Layer::KIND_NOT_SET;
    if (!has_loss && !is_misspelt)
      diagnostics_.error(ErrorKind::model, positions_.find(fmt::format("network.layer[{}]", last)),
                         "the network has no loss", "end it with layer { softmax_cross_entropy {} }");
  }

  // A layer of a block is of use if something takes it in one of the block's uses.
  void warn_of_unused() {
    bool has_loss = false;
    for (const proto::Layer& layer : network_.layer()) has_loss = has_loss || is_loss(layer);
    if (!has_loss) return; // all of them would be unused
    auto place_of = [&](int i) { return positions_.find(fmt::format("network.layer[{}]", i)); };
    std::set<std::pair<int, int>> used_in_block;
    for (int i = 0; i < network_.layer_size(); ++i)
      if (const Place place = place_of(i); !place.uses.empty() && used_.contains(network_.layer(i).name()))
        used_in_block.insert({place.line, place.column});
    for (int i = 0; i < network_.layer_size(); ++i) {
      const proto::Layer& layer = network_.layer(i);
      if (is_loss(layer) || used_.contains(layer.name()) || first_use_.at(layer.name()) != i) continue;
      const Place place = place_of(i);
      if (!place.uses.empty() && used_in_block.contains({place.line, place.column})) continue;
      LayerReport(layer, i, positions_, diagnostics_).warning("", "nothing takes its output");
    }
  }

  const proto::Network& network_;
  const Positions& positions_;
  Diagnostics& diagnostics_;
  std::map<std::string, int> first_use_; // index of the first layer of each name
  std::set<std::string> inputs_;         // of the network
  std::set<std::string> used_;
  bool miswired_ = false; // then what is unused is a consequence
};

} // namespace

void check_network(const proto::Network& network, const Positions& positions, Diagnostics& diagnostics) {
  NetworkCheck(network, positions, diagnostics).run();
}

} // namespace kiln::frontend
