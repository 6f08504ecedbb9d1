// kiln predict --layer: what one layer gives for the samples of a split or for image files, as a NumPy array.
#include "extract_features.h"
#include "compile_experiment.h"
#include "frontend/suggest.h"
#include "products/classify.h"
#include "report.h"
#include "runtime/error.h"
#include "runtime/file_io.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace {

// A whole number of these, as long as there are as many, costs less than one image at a time.
constexpr int64_t kBatch = 16;

// Leaves that layer as the one thing that predict gives.
void keep_layer(ir::Module& module, const std::string& layer) {
  for (const auto& function : module.functions()) {
    std::erase_if(function->outputs, [&](const ir::Output& output) { return output.name != layer; });
    function->outputs.resize(1);
    function->outputs.front().name = "output";
    function->sweep();
  }
  module.sweep_states();
}

// Version 1 of the format: f32 of these dims in C order. Names of sizes leave room to 64 bytes.
std::string npy_header(const ir::Dims& dims) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", fmt::join(dims, ", "));
  header.append(63 - (header.size() + 10) % 64, ' ');
  header += '\n';
  std::string start = "\x93NUMPY";
  start += '\1';
  start += '\0';
  start += static_cast<char>(header.size() & 255U);
  start += static_cast<char>(header.size() >> 8U);
  return start + header;
}

} // namespace

int extract_features(frontend::LoadedExperiment loaded, bool of_files, const Options& options) {
  if (options.out.empty())
    throw runtime::Error(runtime::ErrorKind::usage, "--layer needs --out FILE.npy, where its values go");
  Options others = options;
  others.out.clear(); // there the file, elsewhere the run directory
  proto::Network& network = *loaded.experiment.mutable_network();
  std::vector<std::string> names;
  for (const proto::Layer& layer : network.layer()) names.push_back(layer.name());
  if (std::find(names.begin(), names.end(), options.layer) == names.end())
    throw runtime::Error(runtime::ErrorKind::usage, fmt::format("there is no layer \"{}\" {}", options.layer,
                                                                frontend::suggestion(options.layer, names)));
  network.clear_output();
  network.add_output(options.layer);

  frontend::ImportOptions wanted;
  wanted.predict_batches = {1, kBatch};
  auto module = import(loaded, wanted, others);
  if (module->functions().front()->outputs.back().name != options.layer)
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("\"{}\" is a loss, or has several outputs", options.layer));
  keep_layer(*module, options.layer);
  bind_weights(*module, weights_path(loaded, others));
  ir::Dims dims = module->functions().front()->outputs.front().value->type.dims;
  const runtime::DataDescription data = describe_data(loaded, *module);
  const Compiled compiled = compile(std::move(module), Purpose::inference, loaded, others);
  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(others)});
  write_known_states(*compiled.module, instance);
  products::Classifier classifier(instance);

  std::shared_ptr<const runtime::DataSource> source;
  if (of_files) {
    auto files = products::list_images(options.samples, [](const std::string&, const std::string& problem) {
      throw runtime::Error(runtime::ErrorKind::data, problem);
    });
    source = products::open_images(std::move(files), data.fit, data.background, classifier.shape());
  } else {
    source = open_test_source(loaded, others);
  }
  dims[0] = source->size();
  runtime::AtomicFile file(options.out);
  const std::string header = npy_header(dims);
  file.write(header.data(), header.size());
  classifier.run(*source, [&](size_t, const std::string& problem, std::span<const float> values) {
    if (!problem.empty()) throw runtime::Error(runtime::ErrorKind::data, problem);
    file.write(values.data(), values.size_bytes());
  });
  file.commit();
  if (options.json)
    print_json(nlohmann::json{{"file", options.out}, {"layer", options.layer}, {"shape", dims}});
  else if (options.verbosity >= 0)
    fmt::print("{}: {} of \"{}\"\n", options.out, fmt::join(dims, "x"), options.layer);
  return 0;
}

} // namespace kiln::tools
