// Fills in everything an experiment leaves to defaults.
// Defaults of single values stand in the schema alone; those that depend on other fields stand here.
#include "frontend/resolve.h"

#include <algorithm>
#include <filesystem>

#include <google/protobuf/message.h>

#include "frontend/check_data.h"
#include "frontend/layer_names.h"
#include "frontend/shared_parameters.h"

namespace kiln::frontend {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Sizes = google::protobuf::RepeatedField<int64_t>;

void write_default(Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT64:
    return reflection.SetInt64(&message, &field, field.default_value_int64());
  case FieldDescriptor::CPPTYPE_UINT64:
    return reflection.SetUInt64(&message, &field, field.default_value_uint64());
  case FieldDescriptor::CPPTYPE_INT32:
    return reflection.SetInt32(&message, &field, field.default_value_int32());
  case FieldDescriptor::CPPTYPE_UINT32:
    return reflection.SetUInt32(&message, &field, field.default_value_uint32());
  case FieldDescriptor::CPPTYPE_DOUBLE:
    return reflection.SetDouble(&message, &field, field.default_value_double());
  case FieldDescriptor::CPPTYPE_FLOAT:
    return reflection.SetFloat(&message, &field, field.default_value_float());
  case FieldDescriptor::CPPTYPE_BOOL:
    return reflection.SetBool(&message, &field, field.default_value_bool());
  case FieldDescriptor::CPPTYPE_ENUM:
    return reflection.SetEnum(&message, &field, field.default_value_enum());
  case FieldDescriptor::CPPTYPE_STRING:
    return reflection.SetString(&message, &field, field.default_value_string());
  case FieldDescriptor::CPPTYPE_MESSAGE:
    return; // the schema language has no default messages
  }
}

// Every absent field for which the schema states a default, in every message that is present.
void write_schema_defaults(Message& message) {
  const auto& type = *message.GetDescriptor();
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      for (int k = 0; field.is_repeated() && k < reflection.FieldSize(message, &field); ++k)
        write_schema_defaults(*reflection.MutableRepeatedMessage(&message, &field, k));
      if (!field.is_repeated() && reflection.HasField(message, &field))
        write_schema_defaults(*reflection.MutableMessage(&message, &field));
    } else if (field.has_default_value() && !reflection.HasField(message, &field)) {
      write_default(message, field);
    }
  }
}

// One value stands for height and width.
void spell_out_size(Sizes& sizes, int64_t otherwise) {
  if (sizes.empty()) sizes.Add(otherwise);
  if (sizes.size() == 1) sizes.Add(sizes[0]);
}

// Top, left, bottom, right.
void spell_out_padding(Sizes& padding) {
  if (padding.size() > 2) return;
  spell_out_size(padding, 0);
  padding.Add(padding[0]);
  padding.Add(padding[1]);
}

template <class Pool> void resolve_pool(Pool& pool) {
  if (pool.kernel().empty()) return;
  spell_out_size(*pool.mutable_kernel(), 0);
  if (pool.stride().empty()) *pool.mutable_stride() = pool.kernel();
  spell_out_size(*pool.mutable_stride(), 0);
  spell_out_padding(*pool.mutable_padding());
  spell_out_size(*pool.mutable_dilation(), 1);
}

void resolve_crop(proto::Crop& crop) {
  if (!crop.size().empty()) spell_out_size(*crop.mutable_size(), 0);
  if (!crop.offset().empty()) spell_out_size(*crop.mutable_offset(), 0);
}

template <class Convolution> void resolve_convolution(Convolution& convolution) {
  if (!convolution.kernel().empty()) spell_out_size(*convolution.mutable_kernel(), 0);
  spell_out_size(*convolution.mutable_stride(), 1);
  spell_out_size(*convolution.mutable_dilation(), 1);
  spell_out_padding(*convolution.mutable_padding());
}

void resolve_resize(proto::ResizeLayer& resize) {
  if (!resize.size().empty()) spell_out_size(*resize.mutable_size(), 0);
  if (resize.factor_size() == 1) resize.add_factor(resize.factor(0));
}

// Whether a layer gives the values it takes, or some of them or of their sums: a rectifier behind it acts on those of
// the layer before it. No default: a new kind of layer fails to compile until it stands here.
bool passes_values_on(const proto::Layer& layer) {
  switch (layer.kind_case()) {
  case proto::Layer::kMaxPool:
  case proto::Layer::kAveragePool:
  case proto::Layer::kGlobalAveragePool:
  case proto::Layer::kGlobalMaxPool:
  case proto::Layer::kBatchNorm:
  case proto::Layer::kLrn:
  case proto::Layer::kResize:
  case proto::Layer::kDropout:
  case proto::Layer::kAdd:
  case proto::Layer::kFlatten:
  case proto::Layer::kReshape:
  case proto::Layer::kConcat:
  case proto::Layer::kScale:
  case proto::Layer::kSubtract:
  case proto::Layer::kMaximum:
  case proto::Layer::kMinimum:
  case proto::Layer::kSlice:
  case proto::Layer::kPad:
  case proto::Layer::kCrop:
  case proto::Layer::kTranspose:
  case proto::Layer::kReduceMean:
  case proto::Layer::kReduceSum:
    return true;
  case proto::Layer::kConvolution:
  case proto::Layer::kTransposedConvolution:
  case proto::Layer::kDepthwiseConvolution:
  case proto::Layer::kDense:
  case proto::Layer::kRelu:
  case proto::Layer::kLeakyRelu:
  case proto::Layer::kElu:
  case proto::Layer::kSigmoid:
  case proto::Layer::kTanh:
  case proto::Layer::kSoftmax:
  case proto::Layer::kLogSoftmax:
  case proto::Layer::kClip:
  case proto::Layer::kRelu6:
  case proto::Layer::kSelu:
  case proto::Layer::kGelu:
  case proto::Layer::kSilu:
  case proto::Layer::kHardSwish:
  case proto::Layer::kHardSigmoid:
  case proto::Layer::kSoftplus:
  case proto::Layer::kPrelu:
  case proto::Layer::kRrelu:
  case proto::Layer::kMultiply:
  case proto::Layer::kDivide:
  case proto::Layer::kSoftmaxCrossEntropy:
  case proto::Layer::kMultiClassHinge:
  case proto::Layer::kSigmoidCrossEntropy:
  case proto::Layer::kMeanSquaredError:
  case proto::Layer::kL1:
  case proto::Layer::kHuber:
  case proto::Layer::KIND_NOT_SET:
    return false;
  }
  return false;
}

// What follows the output of a layer before the next weights.
struct Follower {
  bool rectifier = false;
  double slope = 0;
};

// As ir/ops/rrelu.h has it.
double test_slope(const proto::Rrelu& rrelu) {
  const double middle = (rrelu.lower() + rrelu.upper()) / 2;
  return rrelu.mode() == proto::Rrelu::EVEN ? middle : 1 / middle;
}

Follower find_rectifier(const proto::Network& network, const std::string& name) {
  std::vector<std::string> reached{name};
  for (const proto::Layer& layer : network.layer()) {
    bool is_fed = false;
    for (const std::string& input : layer.input())
      is_fed = is_fed || std::find(reached.begin(), reached.end(), input) != reached.end();
    if (!is_fed) continue;
    bool is_rectifier =
        layer.has_relu() || layer.has_relu6() || layer.has_gelu() || layer.has_silu() || layer.has_hard_swish();
    if (is_rectifier) return {true, 0};
    if (layer.has_leaky_relu()) return {true, layer.leaky_relu().slope()};
    if (layer.has_prelu()) return {true, layer.prelu().start()};
    if (layer.has_rrelu()) return {true, test_slope(layer.rrelu())};
    if (!passes_values_on(layer)) continue;
    reached.push_back(layer.name());
    for (int part = 0; part < parts_of(layer); ++part) reached.push_back(part_name(layer, part));
  }
  return {};
}

// What is shared starts with the layer that it comes from.
template <class Weighted>
void resolve_initializers(Weighted& weighted, const proto::Layer& layer, const proto::Network& network) {
  if (!takes_shared(layer, "weight", network)) {
    const Follower follower = find_rectifier(network, layer.name());
    proto::Initializer& weights = *weighted.mutable_weights_init();
    if (weights.kind_case() == proto::Initializer::KIND_NOT_SET) {
      if (follower.rectifier)
        weights.mutable_he();
      else
        weights.mutable_xavier();
    }
    if (weights.has_he() && !weights.he().has_slope()) weights.mutable_he()->set_slope(follower.slope);
  }
  if (!weighted.bias() || takes_shared(layer, "bias", network)) return;
  proto::Initializer& bias = *weighted.mutable_bias_init();
  if (bias.kind_case() == proto::Initializer::KIND_NOT_SET) bias.mutable_constant();
}

void resolve_network(proto::Network& network) {
  std::vector<std::string> names = layer_names(network);
  std::string before(kImage);
  for (int i = 0; i < network.layer_size(); ++i) {
    proto::Layer& layer = *network.mutable_layer(i);
    layer.set_name(names[static_cast<size_t>(i)]);
    if (layer.input().empty() && inputs_wanted(layer).least == 1) layer.add_input(before);
    if (is_loss(layer) && !layer.has_loss_weight()) layer.set_loss_weight(1);
    if (!is_loss(layer)) before = layer.name();
    if (layer.has_convolution()) resolve_convolution(*layer.mutable_convolution());
    if (layer.has_depthwise_convolution()) resolve_convolution(*layer.mutable_depthwise_convolution());
    if (layer.has_transposed_convolution()) {
      resolve_convolution(*layer.mutable_transposed_convolution());
      spell_out_size(*layer.mutable_transposed_convolution()->mutable_output_padding(), 0);
    }
    if (layer.has_resize()) resolve_resize(*layer.mutable_resize());
    if (layer.has_max_pool()) resolve_pool(*layer.mutable_max_pool());
    if (layer.has_average_pool()) resolve_pool(*layer.mutable_average_pool());
    if (layer.has_pad()) spell_out_padding(*layer.mutable_pad()->mutable_padding());
    if (layer.has_crop()) resolve_crop(*layer.mutable_crop());
  }
  for (proto::Layer& layer : *network.mutable_layer()) {
    if (layer.has_convolution()) resolve_initializers(*layer.mutable_convolution(), layer, network);
    if (layer.has_depthwise_convolution()) resolve_initializers(*layer.mutable_depthwise_convolution(), layer, network);
    if (layer.has_transposed_convolution())
      resolve_initializers(*layer.mutable_transposed_convolution(), layer, network);
    if (layer.has_dense()) resolve_initializers(*layer.mutable_dense(), layer, network);
  }
}

void make_absolute(std::string& path, const std::filesystem::path& folder) {
  if (!path.empty()) path = (folder / path).lexically_normal().string();
}

void resolve_npz(proto::NpzPart& part, const proto::Network& network, const std::filesystem::path& folder) {
  if (!part.has_file()) {
    if (part.has_image()) make_absolute(*part.mutable_image(), folder);
    if (part.has_label()) make_absolute(*part.mutable_label(), folder);
    for (proto::NpzInput& input : *part.mutable_input())
      if (input.has_array()) make_absolute(*input.mutable_array(), folder);
    return;
  }
  make_absolute(*part.mutable_file(), folder);
  for (proto::NpzInput& input : *part.mutable_input())
    if (!input.has_array()) input.set_array(input.name());
  for (const proto::NetworkInput& wanted : network.input()) {
    const bool is_named = std::any_of(part.input().begin(), part.input().end(),
                                      [&](const proto::NpzInput& input) { return input.name() == wanted.name(); });
    if (is_named) continue;
    proto::NpzInput& input = *part.add_input();
    input.set_name(wanted.name());
    input.set_array(wanted.name());
  }
}

void resolve_data(proto::Data& data, const proto::Network& network, const std::filesystem::path& folder) {
  if (data.has_idx()) {
    proto::Idx& idx = *data.mutable_idx();
    if (idx.has_train_images()) make_absolute(*idx.mutable_train_images(), folder);
    if (idx.has_train_labels()) make_absolute(*idx.mutable_train_labels(), folder);
    if (idx.has_test_images()) make_absolute(*idx.mutable_test_images(), folder);
    if (idx.has_test_labels()) make_absolute(*idx.mutable_test_labels(), folder);
  }
  if (data.has_folder()) {
    proto::Folder& files = *data.mutable_folder();
    if (files.has_train()) make_absolute(*files.mutable_train(), folder);
    if (files.has_validation()) make_absolute(*files.mutable_validation(), folder);
    if (files.has_test()) make_absolute(*files.mutable_test(), folder);
  }
  if (data.has_list()) {
    proto::List& list = *data.mutable_list();
    if (list.has_train()) make_absolute(*list.mutable_train(), folder);
    if (list.has_validation()) make_absolute(*list.mutable_validation(), folder);
    if (list.has_test()) make_absolute(*list.mutable_test(), folder);
    if (list.has_root()) make_absolute(*list.mutable_root(), folder);
  }
  if (data.has_cifar()) {
    proto::Cifar& cifar = *data.mutable_cifar();
    if (cifar.has_folder()) make_absolute(*cifar.mutable_folder(), folder);
    for (std::string& file : *cifar.mutable_train()) make_absolute(file, folder);
    for (std::string& file : *cifar.mutable_test()) make_absolute(file, folder);
  }
  if (data.has_npz()) {
    proto::Npz& npz = *data.mutable_npz();
    if (npz.has_train()) resolve_npz(*npz.mutable_train(), network, folder);
    if (npz.has_validation()) resolve_npz(*npz.mutable_validation(), network, folder);
    if (npz.has_test()) resolve_npz(*npz.mutable_test(), network, folder);
  }
  if (data.has_image()) {
    proto::Image& image = *data.mutable_image();
    if (image.has_height() && !image.has_width()) image.set_width(image.height());
    if (!image.has_channels()) image.set_channels(is_of_image_files(data) ? 3 : 1);
  }
  if (is_of_image_files(data)) data.mutable_resize();
}

// From low to high; one value stands for both.
void spell_out_range(google::protobuf::RepeatedField<double>& range, double low = 1, double high = 1) {
  if (range.empty()) {
    range.Add(low);
    range.Add(high);
  }
  if (range.size() == 1) range.Add(range[0]);
}

void resolve_augment(proto::Augment& augment) {
  if (augment.has_rotate_scale()) {
    spell_out_range(*augment.mutable_rotate_scale()->mutable_scale());
    spell_out_range(*augment.mutable_rotate_scale()->mutable_aspect());
  }
  if (augment.has_color_jitter()) {
    proto::ColorJitter& jitter = *augment.mutable_color_jitter();
    for (auto* range : {jitter.mutable_brightness(), jitter.mutable_contrast(), jitter.mutable_saturation()})
      spell_out_range(*range);
  }
  if (augment.has_hsv_jitter()) {
    spell_out_range(*augment.mutable_hsv_jitter()->mutable_power(), 0.25, 4);
    spell_out_range(*augment.mutable_hsv_jitter()->mutable_factor(), 0.7, 1.4);
  }
  if (augment.has_random_erasing()) {
    spell_out_range(*augment.mutable_random_erasing()->mutable_area(), 0.02, 0.33);
    spell_out_range(*augment.mutable_random_erasing()->mutable_aspect(), 0.3, 3.3);
  }
  if (augment.has_random_crop() && !augment.random_crop().size().empty())
    spell_out_size(*augment.mutable_random_crop()->mutable_size(), 0);
}

void resolve_training(proto::Training& training) {
  proto::LearningRate& rate = *training.mutable_learning_rate();
  if (rate.schedule_case() == proto::LearningRate::SCHEDULE_NOT_SET) rate.mutable_fixed();
  if (training.has_batch() && !training.has_evaluation_batch()) training.set_evaluation_batch(training.batch());
  training.mutable_health();
}

std::string name_from(const std::filesystem::path& path) {
  std::string name = path.stem().string();
  for (char& c : name)
    if (!is_good_name(std::string(1, c))) c = '_';
  return name;
}

} // namespace

void resolve(proto::Experiment& experiment, const std::string& file) {
  std::error_code ignored; // on failure the path stays relative, which is no worse
  std::filesystem::path path = std::filesystem::absolute(file, ignored);
  if (!experiment.has_name()) experiment.set_name(name_from(path));

  proto::Preprocess& preprocess = *experiment.mutable_preprocess();
  if (preprocess.mean().empty()) preprocess.add_mean(0);
  if (preprocess.std().empty()) preprocess.add_std(1);
  if (experiment.has_augment()) resolve_augment(*experiment.mutable_augment());
  if (experiment.has_training()) {
    resolve_training(*experiment.mutable_training());
    if (experiment.training().has_weights())
      make_absolute(*experiment.mutable_training()->mutable_weights(), path.parent_path());
  }
  if (experiment.has_data()) resolve_data(*experiment.mutable_data(), experiment.network(), path.parent_path());
  write_schema_defaults(experiment); // before the network: initialisers look at slopes
  if (experiment.has_network()) resolve_network(*experiment.mutable_network());
  write_schema_defaults(experiment); // of the messages made since
}

} // namespace kiln::frontend
