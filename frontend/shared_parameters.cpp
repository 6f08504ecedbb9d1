// `share`: which layer's parameters another takes.
// Names of layers may hold dots, so the longest name of a layer that fits is meant.
#include "frontend/shared_parameters.h"

#include <fmt/format.h>

#include "frontend/layer_names.h"
#include "frontend/layer_report.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

void check_initializer(const proto::Layer& layer, std::string_view role, bool is_given, const std::string& field,
                       const proto::Network& network, LayerReport& report) {
  if (!is_given || !takes_shared(layer, role, network)) return;
  report.error(field,
               fmt::format("{} is shared, so it has no start of its own",
                           role == "weight" ? "the weight" : fmt::format("the {}", role)),
               fmt::format("leave out {} or share", field.substr(field.rfind('.') + 1)));
}

} // namespace

std::optional<SharedParameters> find_shared(std::string_view share, const proto::Network& network) {
  std::optional<SharedParameters> found;
  size_t longest = 0;
  for (int i = 0; i < network.layer_size(); ++i) {
    const std::string& name = network.layer(i).name();
    if (name.size() <= longest || !share.starts_with(name)) continue;
    const std::string_view rest = share.substr(name.size());
    if (!rest.empty() && (!rest.starts_with('.') || rest.size() == 1)) continue;
    longest = name.size();
    found = {i, std::string(rest.empty() ? rest : rest.substr(1))};
  }
  return found;
}

bool takes_shared(const proto::Layer& layer, std::string_view role, const proto::Network& network) {
  for (const std::string& share : layer.share()) {
    const std::optional<SharedParameters> shared = find_shared(share, network);
    if (shared && (shared->role.empty() || shared->role == role)) return true;
  }
  return false;
}

void check_shared(const proto::Network& network, int index, const Positions& positions, Diagnostics& diagnostics) {
  const proto::Layer& layer = network.layer(index);
  if (layer.share().empty()) return;
  LayerReport report(layer, index, positions, diagnostics);
  if (layer.kind_case() != proto::Layer::KIND_NOT_SET && !holds_parameters(layer)) {
    report.error("share", "it has no parameters that could be shared");
    return;
  }
  std::vector<std::string> earlier;
  for (int i = 0; i < index; ++i)
    if (holds_parameters(network.layer(i))) earlier.push_back(network.layer(i).name());
  for (int k = 0; k < layer.share_size(); ++k) {
    const std::string& share = layer.share(k);
    const std::string field = fmt::format("share[{}]", k);
    const std::optional<SharedParameters> shared = find_shared(share, network);
    if (!shared) {
      report.error(field, fmt::format("there is no layer \"{}\" to share with", share), suggestion(share, earlier));
      continue;
    }
    const proto::Layer& other = network.layer(shared->layer);
    if (shared->layer == index)
      report.error(field, "shares with itself", "name an earlier layer");
    else if (shared->layer > index)
      report.error(field, fmt::format("shares with \"{}\", which stands later", other.name()),
                   "let the later of the two share with the earlier");
    else if (!holds_parameters(other) && other.kind_case() != proto::Layer::KIND_NOT_SET)
      report.error(field, fmt::format("\"{}\" ({}) has no parameters", other.name(), kind_name(other)),
                   suggestion(share, earlier));
    else if (shared->role.empty() && other.kind_case() != layer.kind_case())
      report.error(field, fmt::format("\"{}\" is of another kind, {}", other.name(), kind_name(other)),
                   fmt::format("name one parameter, for example \"{}.weight\"", other.name()));
  }
  const auto check_weighted = [&](const auto& weighted, const std::string& at) {
    check_initializer(layer, "weight", weighted.has_weights_init(), at + ".weights_init", network, report);
    check_initializer(layer, "bias", weighted.has_bias_init(), at + ".bias_init", network, report);
  };
  if (layer.has_convolution()) check_weighted(layer.convolution(), "convolution");
  if (layer.has_depthwise_convolution()) check_weighted(layer.depthwise_convolution(), "depthwise_convolution");
  if (layer.has_transposed_convolution()) check_weighted(layer.transposed_convolution(), "transposed_convolution");
  if (layer.has_dense()) check_weighted(layer.dense(), "dense");
  const double start = proto::Prelu::default_instance().start();
  if (layer.has_prelu()) // resolving writes the default out
    check_initializer(layer, "slope", layer.prelu().start() != start, "prelu.start", network, report);
}

} // namespace kiln::frontend
