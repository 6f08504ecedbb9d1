// Random valid networks, out of all ops: a function of the seed alone.
//
// A network of 3 to 25 layers with branches, joins and shared operands, over odd sizes and channel counts that are no
// whole vectors, as the frontend would build it: the text of a module with train_step (sometimes evaluate too) and that
// of a module with predict for one or two batch sizes. The same layers and states stand in both.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::test {

class Growth;

struct RandomNetwork {
  std::string training;
  std::string inference;
};

RandomNetwork random_network(uint64_t seed);

// A way to grow: an op, how often, and the function that adds a layer of it, or says that nothing fits it.
struct Production {
  std::string_view op;
  int weight;
  bool (*grow)(Growth&);
};

// Everything that can stand between the image and the loss.
std::span<const Production> productions();

} // namespace kiln::test
