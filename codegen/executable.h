// The objects of native trainers and inference binaries: drivers, kernels, constants and a main that hands a
// kiln_product to the library that drives it.
#pragma once

#include "codegen/description.h"
#include "codegen/optimize.h"
#include "ir/plan.h"
#include "runtime/data_description.h"
#include "runtime/product.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kiln::codegen {

struct KnownState {
  std::string name;
  std::vector<float> values; // logical order
};

struct ProductOptions {
  std::string kiln_version;
  ProgramFacts facts;
  std::string licences; // of the libraries inside: a zlib stream
  int64_t licences_text_bytes = 0;
  int32_t threads = 1; // for compiling
  std::string cache_directory;
  bool weights_outside = false; // an inference binary reads them from a file
};

struct TrainerParts {
  const ir::Plan& training;   // as for `kiln train`: the plan's hash is the same, and so are the bits
  const ir::Plan& prediction; // with the same parameters and statistics, none of them known
  const kiln_recipe& recipe;
  const runtime::DataDescription& data;
  std::vector<KnownState> known_states;
};

struct InferenceParts {
  const ir::Plan& prediction;
  const runtime::DataDescription& data;
  std::vector<KnownState> known_states;
  // An input of predict's smallest batch and what it makes of it.
  std::vector<uint8_t> sample;
  std::vector<float> sample_output;
};

// What several states of one or more levels hold, in logical order.
struct Weights {
  std::string key; // the name of the first of them
  kiln_dtype dtype = KILN_F32;
  std::vector<int64_t> dims;
  std::vector<char> bytes;
};

struct Product {
  std::vector<ObjectFile> objects;
  // Of an inference binary, each once.
  std::vector<Weights> weights;
  int64_t kernel_count = 0;
};

// One of the parts for each CPU level, ascending; the executable chooses when it starts.
Product make_trainer(std::span<const TrainerParts> levels, const ProductOptions& options);
Product make_inference(std::span<const InferenceParts> levels, const ProductOptions& options);

// The object of a program that does nothing: what shows whether compiling and linking work.
ObjectFile make_idle_main();

} // namespace kiln::codegen
