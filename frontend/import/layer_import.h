// What the importer of one kind of layer works with, and the list of those importers.
// An importer checks its message in the words of the user, then makes nodes. It lives in the file named after its kind.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/layer_report.h"
#include "frontend/proto/kiln.pb.h"
#include "ir/op.h"
#include "runtime/open_data.h"

namespace kiln::frontend {

enum class FunctionKind : uint8_t { train_step, evaluate, predict };

// A loss as its layer made it: in training f32[1], else a value a sample.
struct ImportedLoss {
  std::string layer;
  double weight = 1; // in the sum of all losses
  ir::Value* value = nullptr;
  ir::Value* sample_weight = nullptr; // outside of training, where samples do not count alike: what value is divided by
};

// A loss that takes the class labels of the data.
struct LabelledLoss {
  std::string layer;
  int64_t classes = 0;
  std::optional<int64_t> ignored_label;
};

// What the losses of one function share.
struct ImportedLosses {
  std::vector<ImportedLoss> losses;
  std::string label_wanted_by; // the layer whose type the input `label` has
  std::vector<LabelledLoss> labelled;
};

// Of the weights that an initialiser is for.
struct Fans {
  double in = 1;
  double out = 1;
};

// One entry of a layer's `share`, resolved.
struct SharedState {
  std::string layer;
  std::string role;           // empty: all that the two have
  bool is_layer_good = false; // else nothing can be said of its parameters
  std::string field;          // "share[0]"
  bool is_told = false;       // that it does not fit
};

class LayerImport {
public:
  // `inputs` are null where an earlier layer is wrong.
  LayerImport(ir::Function& function, FunctionKind kind, std::string name, std::vector<ir::Value*> inputs,
              ImportedLosses& losses, LayerReport& report)
      : report(report), name(std::move(name)), kind(kind), losses(losses), function_(function),
        inputs_(std::move(inputs)) {}

  LayerReport& report;
  const std::string name;
  const FunctionKind kind;
  ImportedLosses& losses;
  int64_t class_names = 0;       // how many the experiment gives; 0: none
  std::vector<ir::Value*> parts; // made by a layer of several outputs, in the order of their numbers
  std::vector<SharedState> shared;
  // By "<layer>.<role>": what every layer so far has or takes from another.
  std::map<std::string, ir::State*, std::less<>>* states = nullptr;
  // Of losses:
  bool is_main_loss = false;  // the network's own, the last one
  bool tells_classes = false; // it, or the last that takes a class: as many as the data name
  double loss_weight = 1;
  std::optional<runtime::Field> data_label; // what the data give with each image, where that is known
  const proto::Metrics* metrics = nullptr;
  bool mixes_labels = false; // train_step gets labels as shares of classes: mixup, cutmix
  bool is_frozen = false;    // whose parameters and statistics stay as they are

  // Whether nodes can be made: all inputs are known and nothing was reported.
  bool ready() const;
  size_t input_count() const { return inputs_.size(); }
  ir::Value& input(size_t i = 0) const { return *inputs_[i]; }
  const ir::Dims& input_dims(size_t i = 0) const { return input(i).type.dims; }
  bool input_known(size_t i = 0) const { return i < inputs_.size() && inputs_[i] != nullptr; }

  // What it has of its own or takes from others, by its role.
  const std::vector<std::string>& roles() const { return roles_; }

  // A node of this layer. Without a role its result bears the layer's name.
  template <class Op>
  ir::Value& create(typename Op::Attributes attributes, std::vector<ir::Value*> operands, std::string_view role = {}) {
    return create(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), std::move(operands), role);
  }
  ir::Value& create(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                    std::string_view role);

  // A node of this layer with several results or none; they are named by whoever makes it.
  template <class Op> ir::Node& create_node(typename Op::Attributes attributes, std::vector<ir::Value*> operands) {
    return create_node(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), std::move(operands));
  }
  ir::Node& create_node(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands);

  // The parameter `<layer>.<role>`, made when the first function asks for it, or another layer's if it is shared.
  ir::State& parameter(std::string_view role, ir::Dims dims, const ir::Initializer& initializer);
  // The running statistic `<layer>.<role>`, likewise; it starts as `value`.
  ir::State& statistic(std::string_view role, ir::Dims dims, double value);
  // Adds the bias after `value`, which it replaces, unless `wanted` is false.
  ir::Value& add_bias(ir::Value& value, const ir::Initializer& initializer);

  // The input as rows of values, [N, values]: reshaped if need be.
  ir::Value& rows(std::string_view role);
  // Reports a tensor of these dims (batch included) if it is beyond all use. True if it is fine.
  bool check_size(const ir::Dims& dims, std::string_view what);

  // Reports what is shared but no parameter of this layer; to be called when it has been imported.
  void check_shared_roles();
  // What a loss compares with: its second input, or the function's input `label`, made when the first loss asks for it.
  // Null, and reported, if it is of another type. Not in predict.
  ir::Value* target(ir::DType dtype, const ir::Dims& dims);
  // Constant data of the layer, `<layer>.<role>`, made when the first function asks for it.
  ir::Value& constant(std::string_view role, std::vector<double> data);

  void output(std::string output_name, ir::Value& value);
  ir::StreamId stream(std::string_view role) const;

private:
  ir::State& state(std::string_view role, ir::StateRole kind, ir::Dims dims, const ir::Initializer& initializer);
  ir::State* shared_state(std::string_view role, const ir::Dims& dims);

  ir::Function& function_;
  std::vector<ir::Value*> inputs_;
  std::vector<std::string> roles_; // that were asked for
};

// "256x5x5", without the batch.
std::string shape_text(const ir::Dims& dims);
bool is_sensible(const ir::Dims& dims);  // at most 2^38 elements, so that nothing computed from it overflows
int64_t values_of(const ir::Dims& dims); // without the batch

// Checks that a size field has two values (after resolving), each at least `least`; two ones when it has not.
std::array<int64_t, 2> take_size(const google::protobuf::RepeatedField<int64_t>& values, const std::string& field,
                                 std::string_view what, int64_t least, LayerReport& report);
std::array<int64_t, 4> take_padding(const google::protobuf::RepeatedField<int64_t>& values, const std::string& field,
                                    LayerReport& report);

// The initialiser as the runtime draws it: fans turned into a bound or a deviation.
ir::Initializer import_initializer(const proto::Initializer& initializer, const Fans& fans, const std::string& field,
                                   LayerReport& report);

// One a kind. Each gives the layer's output, or null when it could not be made.
ir::Value* import_layer(const proto::Convolution& convolution, LayerImport& import);
ir::Value* import_layer(const proto::TransposedConvolution& convolution, LayerImport& import);
ir::Value* import_layer(const proto::DepthwiseConvolution& convolution, LayerImport& import);
ir::Value* import_layer(const proto::Dense& dense, LayerImport& import);
ir::Value* import_layer(const proto::MaxPool& pool, LayerImport& import);
ir::Value* import_layer(const proto::AveragePool& pool, LayerImport& import);
ir::Value* import_layer(const proto::GlobalAveragePool& pool, LayerImport& import);
ir::Value* import_layer(const proto::GlobalMaxPool& pool, LayerImport& import);
ir::Value* import_layer(const proto::Relu& relu, LayerImport& import);
ir::Value* import_layer(const proto::LeakyRelu& relu, LayerImport& import);
ir::Value* import_layer(const proto::Elu& elu, LayerImport& import);
ir::Value* import_layer(const proto::Sigmoid& sigmoid, LayerImport& import);
ir::Value* import_layer(const proto::Tanh& tanh, LayerImport& import);
ir::Value* import_layer(const proto::Softmax& softmax, LayerImport& import);
ir::Value* import_layer(const proto::Clip& clip, LayerImport& import);
ir::Value* import_layer(const proto::Relu6& relu6, LayerImport& import);
ir::Value* import_layer(const proto::Selu& selu, LayerImport& import);
ir::Value* import_layer(const proto::Gelu& gelu, LayerImport& import);
ir::Value* import_layer(const proto::Silu& silu, LayerImport& import);
ir::Value* import_layer(const proto::HardSwish& hard_swish, LayerImport& import);
ir::Value* import_layer(const proto::HardSigmoid& hard_sigmoid, LayerImport& import);
ir::Value* import_layer(const proto::Softplus& softplus, LayerImport& import);
ir::Value* import_layer(const proto::Prelu& prelu, LayerImport& import);
ir::Value* import_layer(const proto::Rrelu& rrelu, LayerImport& import);
ir::Value* import_layer(const proto::LogSoftmax& log_softmax, LayerImport& import);
ir::Value* import_layer(const proto::BatchNorm& norm, LayerImport& import);
ir::Value* import_layer(const proto::Lrn& lrn, LayerImport& import);
ir::Value* import_layer(const proto::Dropout& dropout, LayerImport& import);
ir::Value* import_layer(const proto::Add& add, LayerImport& import);
ir::Value* import_layer(const proto::Flatten& flatten, LayerImport& import);
ir::Value* import_layer(const proto::Reshape& reshape, LayerImport& import);
ir::Value* import_layer(const proto::Concat& concat, LayerImport& import);
ir::Value* import_layer(const proto::Scale& scale, LayerImport& import);
ir::Value* import_layer(const proto::Multiply& multiply, LayerImport& import);
ir::Value* import_layer(const proto::Subtract& subtract, LayerImport& import);
ir::Value* import_layer(const proto::Maximum& maximum, LayerImport& import);
ir::Value* import_layer(const proto::Minimum& minimum, LayerImport& import);
ir::Value* import_layer(const proto::Divide& divide, LayerImport& import);
ir::Value* import_layer(const proto::Slice& slice, LayerImport& import);
ir::Value* import_layer(const proto::Pad& pad, LayerImport& import);
ir::Value* import_layer(const proto::Crop& crop, LayerImport& import);
ir::Value* import_layer(const proto::Transpose& transpose, LayerImport& import);
ir::Value* import_layer(const proto::ReduceMean& reduce, LayerImport& import);
ir::Value* import_layer(const proto::ReduceSum& reduce, LayerImport& import);
ir::Value* import_layer(const proto::ResizeLayer& resize, LayerImport& import);
// A loss declares the function's outputs.
ir::Value* import_layer(const proto::SoftmaxCrossEntropy& loss, LayerImport& import);
ir::Value* import_layer(const proto::MultiClassHinge& loss, LayerImport& import);
ir::Value* import_layer(const proto::SigmoidCrossEntropy& loss, LayerImport& import);
ir::Value* import_layer(const proto::MeanSquaredError& loss, LayerImport& import);
ir::Value* import_layer(const proto::L1& loss, LayerImport& import);
ir::Value* import_layer(const proto::Huber& loss, LayerImport& import);

} // namespace kiln::frontend
