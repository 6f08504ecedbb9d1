// What layers are called: the kind as the schema spells it, and the names that are derived when none are given.
// kiln.proto states the rule; overrides, the resolved experiment and every diagnostic use it from here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// Letters, digits and _ - . / (what the IR's text form takes as a word), 1 to 200 of them.
bool is_good_name(const std::string& name);

// The names of the network's inputs, which layers cannot take.
inline constexpr std::string_view kImage = "image";
inline constexpr std::string_view kLabel = "label";
// The output of predict.
inline constexpr std::string_view kProbability = "probability";

// "convolution"; empty when the layer has none.
std::string kind_name(const proto::Layer& layer);
bool is_loss(const proto::Layer& layer);
// Whether layers of its kind can have parameters or running statistics.
bool holds_parameters(const proto::Layer& layer);

// How many outputs a layer has that has several, each with a name of its own; 0: one, which bears the layer's name.
int parts_of(const proto::Layer& layer);
// "slice1.1" for part 0
std::string part_name(const proto::Layer& layer, int part);

// How many inputs a layer takes.
struct InputsWanted {
  int least = 1;
  bool or_more = false;
  bool or_one_more = false;
};
InputsWanted inputs_wanted(const proto::Layer& layer);

// Names layers in their order, in a network or a block.
class LayerNamer {
public:
  // As given, or derived.
  std::string next(const proto::Layer& layer);
  // Derived from a stem: `basic2`.
  std::string next(std::string_view stem);

private:
  std::map<std::string, int, std::less<>> numbers_;
};

// One a layer, given or derived. They may clash: that is for check_experiment to say.
std::vector<std::string> layer_names(const proto::Network& network);

} // namespace kiln::frontend
