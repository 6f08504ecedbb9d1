// Resolved experiment -> IR: names to values, layers in order.
// Knows no kind of layer but for the switch that finds its importer.
#include "frontend/importer.h"

#include <map>
#include <optional>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"
#include "frontend/import/preprocess.h"
#include "frontend/layer_names.h"
#include "frontend/shared_parameters.h"
#include "ir/ops/weighted_sum.h"

namespace kiln::frontend {
namespace {

class NetworkImport {
public:
  NetworkImport(const LoadedExperiment& loaded, ir::Module& module, Diagnostics& diagnostics)
      : loaded_(loaded), module_(module), diagnostics_(diagnostics) {}

  void import_function(const std::string& name, FunctionKind kind, int64_t batch) {
    ir::Function& function = module_.add_function(name);
    values_.clear();
    states_.clear();
    if (loaded_.data.knows_image()) add_image(function, batch);
    const proto::Network& network = loaded_.experiment.network();
    for (const proto::NetworkInput& input : network.input()) {
      ir::Dims dims{batch};
      dims.insert(dims.end(), input.dims().begin(), input.dims().end());
      // What is wrong with an input has been reported with the network.
      if (is_sensible(dims)) values_[input.name()] = &function.add_input(input.name(), {ir::DType::f32, dims, {}});
    }
    ImportedLosses losses;
    int last_loss = -1, last_class_loss = -1, loss_count = 0;
    for (int i = 0; i < network.layer_size(); ++i) {
      if (!is_loss(network.layer(i))) continue;
      last_loss = i;
      if (takes_classes(network.layer(i))) last_class_loss = i;
      ++loss_count;
    }
    for (int i = 0; i < network.layer_size(); ++i) {
      const proto::Layer& layer = network.layer(i);
      LayerReport report(layer, i, loaded_.positions, diagnostics_);
      bool repeats_name = values_.contains(layer.name()); // reported with the wiring
      std::vector<ir::Value*> inputs;
      for (const std::string& input : layer.input()) inputs.push_back(repeats_name ? nullptr : find(input));
      // Too few inputs have been reported with the wiring.
      while (inputs.size() < static_cast<size_t>(inputs_wanted(layer).least)) inputs.push_back(nullptr);
      LayerImport import(function, kind, layer.name(), std::move(inputs), losses, report);
      import.class_names = loaded_.experiment.data().class_name_size();
      import.shared = shared_states(layer, network);
      import.states = &states_;
      import.is_main_loss = i == last_loss;
      import.tells_classes = i == last_loss || i == last_class_loss;
      import.loss_weight = layer.loss_weight();
      import.data_label = loaded_.data.label;
      import.metrics = &loaded_.experiment.metrics();
      import.mixes_labels = loaded_.experiment.augment().has_mixup() || loaded_.experiment.augment().has_cutmix();
      import.is_frozen = layer.freeze();
      // Importers check in the user's words all they know of; what the op refuses beyond that is told in its own.
      try {
        ir::Value* value = import_kind(layer, import);
        // That a layer takes a loss has been reported with the wiring.
        values_.try_emplace(layer.name(), is_loss(layer) ? nullptr : value);
        for (size_t part = 0; part < import.parts.size(); ++part)
          values_.try_emplace(part_name(layer, static_cast<int>(part)), import.parts[part]);
        if (value != nullptr) import.check_shared_roles();
        apply_multipliers(layer, import, report);
      } catch (const ir::TypeError& refusal) {
        report.error("", refusal.what());
      }
    }
    output_losses(function, kind, losses.losses);
    if (kind != FunctionKind::predict) return;
    for (const std::string& output : network.output())
      if (ir::Value* value = find(output)) function.outputs.push_back({output, value});
    if (loss_count > 1 && !diagnostics_.has_errors()) function.sweep(); // what only other losses need
  }

private:
  // Caffe's lr_mult and decay_mult, freezing, and beginning anew: of the layer's own parameters.
  void apply_multipliers(const proto::Layer& layer, const LayerImport& import, LayerReport& report) {
    for (const auto& [name, values] :
         {std::pair("lr_mult", &layer.lr_mult()), std::pair("decay_mult", &layer.decay_mult())}) {
      if (values->size() > 2)
        report.error(name, fmt::format("{} has {} values: one, or the weights' and the bias's", name, values->size()));
      for (const double value : *values)
        if (!(value >= 0)) report.error(name, fmt::format("{} is {}: it must not be negative", name, value));
    }
    const bool says_something =
        layer.freeze() || layer.reinit() || layer.lr_mult_size() > 0 || layer.decay_mult_size() > 0;
    if (says_something && !holds_parameters(layer))
      report.error("", "it has no parameters to freeze, to multiply or to begin anew");
    for (const std::string& role : import.roles()) {
      const auto found = states_.find(fmt::format("{}.{}", layer.name(), role));
      if (found == states_.end()) continue;
      ir::State& state = *found->second;
      const bool is_own = state.value.name == found->first;
      state.frozen = state.frozen || layer.freeze();
      if (!is_own) continue;
      state.reinitialized = layer.reinit();
      const bool is_second = role == "bias";
      if (layer.lr_mult_size() > 0) state.lr_multiplier = layer.lr_mult(is_second ? layer.lr_mult_size() - 1 : 0);
      // One value is of what is decayed by default; batch norm is decayed where it is given.
      if (layer.decay_mult_size() > 0 && !(is_second && layer.decay_mult_size() == 1))
        state.decay_multiplier = layer.decay_mult(is_second ? 1 : 0);
    }
  }

  // Whether it compares with a class that the data give.
  static bool takes_classes(const proto::Layer& layer) {
    if (layer.has_softmax_cross_entropy())
      return layer.softmax_cross_entropy().target() == proto::SoftmaxCrossEntropy::LABEL && layer.input_size() < 2;
    return layer.has_multi_class_hinge();
  }

  std::vector<SharedState> shared_states(const proto::Layer& layer, const proto::Network& network) const {
    std::vector<SharedState> shared;
    for (int k = 0; k < layer.share_size(); ++k) {
      const std::optional<SharedParameters> found = find_shared(layer.share(k), network);
      if (!found) continue; // reported with the wiring, as are wrong kinds
      const proto::Layer& other = network.layer(found->layer);
      if (!holds_parameters(other) || (found->role.empty() && other.kind_case() != layer.kind_case())) continue;
      shared.push_back({other.name(), found->role, find(other.name()) != nullptr, fmt::format("share[{}]", k)});
    }
    return shared;
  }

  ir::Value* find(const std::string& name) const {
    auto it = values_.find(name);
    return it == values_.end() ? nullptr : it->second;
  }

  // In training the sum that is trained on, and each loss if there are several; elsewhere each loss. They come first.
  static void output_losses(ir::Function& function, FunctionKind kind, const std::vector<ImportedLoss>& losses) {
    if (losses.empty()) return;
    std::vector<ir::Output> outputs;
    if (kind == FunctionKind::train_step) {
      std::vector<ir::Value*> values;
      ir::WeightedSum::Attributes sum{{}};
      for (const ImportedLoss& loss : losses) {
        values.push_back(loss.value);
        sum.weight.push_back(loss.weight);
      }
      ir::Value* total = values[0];
      if (losses.size() > 1 || sum.weight[0] != 1)
        total = &function
                     .create(ir::info<ir::WeightedSum>(), ir::Attributes::of(std::move(sum)), std::move(values),
                             "total_loss")
                     .result();
      outputs.push_back({"loss", total});
    }
    for (const ImportedLoss& loss : losses) {
      const std::string suffix = losses.size() > 1 ? ":" + loss.layer : "";
      if (losses.size() > 1 || kind != FunctionKind::train_step) outputs.push_back({"loss" + suffix, loss.value});
      if (loss.sample_weight != nullptr) outputs.push_back({"loss_weight" + suffix, loss.sample_weight});
    }
    function.outputs.insert(function.outputs.begin(), outputs.begin(), outputs.end());
  }

  // The image as bytes, and pre-processed under the name that layers know it by.
  void add_image(ir::Function& function, int64_t batch) {
    const DataFacts& data = loaded_.data;
    ir::Value& bytes =
        function.add_input(std::string(kImage), {ir::DType::u8, {batch, data.height, data.width, data.channels}, {}});
    if (!is_sensible({batch, data.channels, data.height, data.width})) {
      diagnostics_.error(ErrorKind::model, loaded_.positions.find("data.image"),
                         fmt::format("a batch of images, {}x{}x{}x{}, is beyond all use: more than 2^38 values", batch,
                                     data.channels, data.height, data.width));
      return;
    }
    if (ir::Value* value = import_preprocess(loaded_, function, bytes, diagnostics_))
      values_[std::string(kImage)] = value;
  }

  static ir::Value* import_kind(const proto::Layer& layer, LayerImport& import) {
    switch (layer.kind_case()) {
    case proto::Layer::kConvolution:
      return import_layer(layer.convolution(), import);
    case proto::Layer::kTransposedConvolution:
      return import_layer(layer.transposed_convolution(), import);
    case proto::Layer::kDepthwiseConvolution:
      return import_layer(layer.depthwise_convolution(), import);
    case proto::Layer::kDense:
      return import_layer(layer.dense(), import);
    case proto::Layer::kMaxPool:
      return import_layer(layer.max_pool(), import);
    case proto::Layer::kAveragePool:
      return import_layer(layer.average_pool(), import);
    case proto::Layer::kGlobalAveragePool:
      return import_layer(layer.global_average_pool(), import);
    case proto::Layer::kGlobalMaxPool:
      return import_layer(layer.global_max_pool(), import);
    case proto::Layer::kRelu:
      return import_layer(layer.relu(), import);
    case proto::Layer::kLeakyRelu:
      return import_layer(layer.leaky_relu(), import);
    case proto::Layer::kElu:
      return import_layer(layer.elu(), import);
    case proto::Layer::kSigmoid:
      return import_layer(layer.sigmoid(), import);
    case proto::Layer::kTanh:
      return import_layer(layer.tanh(), import);
    case proto::Layer::kSoftmax:
      return import_layer(layer.softmax(), import);
    case proto::Layer::kClip:
      return import_layer(layer.clip(), import);
    case proto::Layer::kRelu6:
      return import_layer(layer.relu6(), import);
    case proto::Layer::kSelu:
      return import_layer(layer.selu(), import);
    case proto::Layer::kGelu:
      return import_layer(layer.gelu(), import);
    case proto::Layer::kSilu:
      return import_layer(layer.silu(), import);
    case proto::Layer::kHardSwish:
      return import_layer(layer.hard_swish(), import);
    case proto::Layer::kHardSigmoid:
      return import_layer(layer.hard_sigmoid(), import);
    case proto::Layer::kSoftplus:
      return import_layer(layer.softplus(), import);
    case proto::Layer::kPrelu:
      return import_layer(layer.prelu(), import);
    case proto::Layer::kRrelu:
      return import_layer(layer.rrelu(), import);
    case proto::Layer::kLogSoftmax:
      return import_layer(layer.log_softmax(), import);
    case proto::Layer::kBatchNorm:
      return import_layer(layer.batch_norm(), import);
    case proto::Layer::kLrn:
      return import_layer(layer.lrn(), import);
    case proto::Layer::kDropout:
      return import_layer(layer.dropout(), import);
    case proto::Layer::kAdd:
      return import_layer(layer.add(), import);
    case proto::Layer::kFlatten:
      return import_layer(layer.flatten(), import);
    case proto::Layer::kReshape:
      return import_layer(layer.reshape(), import);
    case proto::Layer::kConcat:
      return import_layer(layer.concat(), import);
    case proto::Layer::kScale:
      return import_layer(layer.scale(), import);
    case proto::Layer::kMultiply:
      return import_layer(layer.multiply(), import);
    case proto::Layer::kSubtract:
      return import_layer(layer.subtract(), import);
    case proto::Layer::kMaximum:
      return import_layer(layer.maximum(), import);
    case proto::Layer::kMinimum:
      return import_layer(layer.minimum(), import);
    case proto::Layer::kDivide:
      return import_layer(layer.divide(), import);
    case proto::Layer::kSlice:
      return import_layer(layer.slice(), import);
    case proto::Layer::kPad:
      return import_layer(layer.pad(), import);
    case proto::Layer::kCrop:
      return import_layer(layer.crop(), import);
    case proto::Layer::kTranspose:
      return import_layer(layer.transpose(), import);
    case proto::Layer::kReduceMean:
      return import_layer(layer.reduce_mean(), import);
    case proto::Layer::kReduceSum:
      return import_layer(layer.reduce_sum(), import);
    case proto::Layer::kResize:
      return import_layer(layer.resize(), import);
    case proto::Layer::kSoftmaxCrossEntropy:
      return import_layer(layer.softmax_cross_entropy(), import);
    case proto::Layer::kMultiClassHinge:
      return import_layer(layer.multi_class_hinge(), import);
    case proto::Layer::kSigmoidCrossEntropy:
      return import_layer(layer.sigmoid_cross_entropy(), import);
    case proto::Layer::kMeanSquaredError:
      return import_layer(layer.mean_squared_error(), import);
    case proto::Layer::kL1:
      return import_layer(layer.l1(), import);
    case proto::Layer::kHuber:
      return import_layer(layer.huber(), import);
    case proto::Layer::KIND_NOT_SET:
      return nullptr;
    }
    return nullptr;
  }

  const LoadedExperiment& loaded_;
  ir::Module& module_;
  Diagnostics& diagnostics_;
  std::map<std::string, ir::Value*> values_;              // by layer; null where a layer is wrong
  std::map<std::string, ir::State*, std::less<>> states_; // by layer and role
};

struct Request {
  std::string name;
  FunctionKind kind;
  int64_t batch;
};

std::vector<Request> requests_of(const ImportOptions& options) {
  std::vector<Request> requests;
  if (options.train_batch > 0) requests.push_back({"train_step", FunctionKind::train_step, options.train_batch});
  if (options.evaluate_batch > 0) requests.push_back({"evaluate", FunctionKind::evaluate, options.evaluate_batch});
  for (int64_t batch : options.predict_batches) {
    std::string name = options.predict_batches.size() == 1 ? "predict" : fmt::format("predict.{}", batch);
    requests.push_back({std::move(name), FunctionKind::predict, batch});
  }
  return requests;
}

template <class Adam> void set_adam(const Adam& adam, ir::OptimizerKind kind, ir::Optimizer& optimizer) {
  optimizer.kind = kind;
  optimizer.beta1 = adam.beta1();
  optimizer.beta2 = adam.beta2();
  optimizer.epsilon = adam.epsilon();
  optimizer.weight_decay = adam.weight_decay();
}

void set_optimizer(const proto::Training& training, ir::Optimizer& optimizer) {
  switch (training.optimizer_case()) {
  case proto::Training::kSgd:
    optimizer.kind = ir::OptimizerKind::sgd;
    optimizer.momentum = training.sgd().momentum();
    optimizer.nesterov = training.sgd().nesterov();
    optimizer.weight_decay = training.sgd().weight_decay();
    break;
  case proto::Training::kAdagrad:
    optimizer.kind = ir::OptimizerKind::adagrad;
    optimizer.epsilon = training.adagrad().epsilon();
    optimizer.weight_decay = training.adagrad().weight_decay();
    break;
  case proto::Training::kRmsprop:
    optimizer.kind = ir::OptimizerKind::rmsprop;
    optimizer.momentum = training.rmsprop().momentum();
    optimizer.decay = training.rmsprop().decay();
    optimizer.epsilon = training.rmsprop().epsilon();
    optimizer.weight_decay = training.rmsprop().weight_decay();
    break;
  case proto::Training::kAdadelta:
    optimizer.kind = ir::OptimizerKind::adadelta;
    optimizer.decay = training.adadelta().decay();
    optimizer.epsilon = training.adadelta().epsilon();
    optimizer.weight_decay = training.adadelta().weight_decay();
    break;
  case proto::Training::kAdam:
    return set_adam(training.adam(), ir::OptimizerKind::adam, optimizer);
  case proto::Training::kAdamw:
    return set_adam(training.adamw(), ir::OptimizerKind::adamw, optimizer);
  case proto::Training::OPTIMIZER_NOT_SET:
    break;
  }
}

void set_penalties(const proto::Training& training, ir::Optimizer& optimizer) {
  const proto::Regularize& regularize = training.regularize();
  optimizer.l1 = regularize.l1() + regularize.elastic_net().l1();
  optimizer.l2 = regularize.l2() + 2 * regularize.elastic_net().l2();
  if (regularize.has_max_norm()) optimizer.max_norm = regularize.max_norm().norm();
  if (training.clip_gradients().has_norm()) optimizer.clip_norm = training.clip_gradients().norm();
  if (training.clip_gradients().has_value()) optimizer.clip_value = training.clip_gradients().value();
  if (training.has_average_weights()) optimizer.average_decay = training.average_weights().decay();
}

// Something must be left to train.
void check_frozen(const LoadedExperiment& loaded, const ir::Module& module, Diagnostics& diagnostics) {
  bool has_parameters = false, learns = false;
  for (const auto& state : module.states()) {
    if (state->role != ir::StateRole::parameter) continue;
    has_parameters = true;
    learns = learns || !state->frozen;
  }
  if (has_parameters && !learns)
    diagnostics.error(ErrorKind::model, loaded.positions.find("network"), "all layers that have parameters are frozen",
                      "leave one to learn");
}

} // namespace

std::unique_ptr<ir::Module> import_network(const LoadedExperiment& loaded, const ImportOptions& options,
                                           Diagnostics& diagnostics) {
  auto module = std::make_unique<ir::Module>(loaded.experiment.name());
  set_optimizer(loaded.experiment.training(), module->optimizer);
  set_penalties(loaded.experiment.training(), module->optimizer);
  NetworkImport network(loaded, *module, diagnostics);
  Diagnostics repeats; // further functions of the same network have nothing new to say
  bool first = true;
  for (const Request& request : requests_of(options)) {
    NetworkImport repeat(loaded, *module, repeats);
    (first ? network : repeat).import_function(request.name, request.kind, request.batch);
    first = false;
    // A larger batch can still be the one that is too large.
    if (repeats.has_errors() && !diagnostics.has_errors())
      for (const Diagnostic& entry : repeats.sorted()) diagnostics.add(entry);
    if (diagnostics.has_errors()) return nullptr;
  }
  if (!loaded.data.knows_image()) return nullptr;
  module->sweep_states();
  if (options.train_batch > 0) check_frozen(loaded, *module, diagnostics);
  return diagnostics.has_errors() ? nullptr : std::move(module);
}

} // namespace kiln::frontend
