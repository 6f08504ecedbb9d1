// A hand-written "compiled" program for tests of the training loop: logistic regression with momentum on 4x3 images.
// Its entry functions do what emitted code does: parallel launches over samples and classes, buffers by index.
#pragma once

#include "runtime/abi.h"
#include "runtime/counter_random.h"
#include "runtime/layout.h"
#include "runtime/vector_math.h"

#include <cstring>
#include <functional>
#include <vector>

namespace kiln::runtime::testing {

inline constexpr int64_t fake_height = 4, fake_width = 3, fake_pixels = fake_height * fake_width, fake_classes = 3;

// Seen by the entry functions, which get no context of their own. `before_step` runs at the start of each train_step.
inline std::function<void(uint64_t step)> before_step;

enum FakeBuffer { Weight, Bias, WeightMomentum, BiasMomentum, StepCount, Image, Label, Rate, Loss, Correct, Delta };

inline void forward_sample(const kiln_call* call, int64_t sample, bool training, float* probability) {
  auto* weight = static_cast<const float*>(call->buffers[Weight]);
  auto* bias = static_cast<const float*>(call->buffers[Bias]);
  auto* image = static_cast<const uint8_t*>(call->buffers[Image]) + sample * fake_pixels;
  uint64_t key = random::stream_key(call->seed, call->step, random::stream_id("drop"));
  float sum = 0, largest = -1e30f;
  for (int64_t c = 0; c < fake_classes; ++c) {
    float logit = bias[c];
    for (int64_t p = 0; p < fake_pixels; ++p) {
      // Dropout: the seed and the step reach the weights.
      if (training && random::draw(key, static_cast<uint64_t>(sample * fake_pixels + p)) < 0x20000000u) continue;
      logit += weight[c * fake_pixels + p] * (static_cast<float>(image[p]) / 255.0f);
    }
    probability[c] = logit;
    largest = std::max(largest, logit);
  }
  for (int64_t c = 0; c < fake_classes; ++c) sum += probability[c] = math::exp(probability[c] - largest);
  for (int64_t c = 0; c < fake_classes; ++c) probability[c] /= sum;
}

inline int64_t best_class(const float* probability) {
  int64_t best = 0;
  for (int64_t c = 1; c < fake_classes; ++c)
    if (probability[c] > probability[best]) best = c;
  return best;
}

template <bool training> void loss_kernel(const kiln_kernel_args* args, int64_t begin, int64_t end, void*) {
  const kiln_call* call = args->call;
  auto* label = static_cast<const int32_t*>(call->buffers[Label]);
  auto* correct = static_cast<float*>(call->buffers[Correct]);
  auto* delta = static_cast<float*>(call->buffers[Delta]);
  for (int64_t sample = begin; sample < end; ++sample) {
    float probability[fake_classes];
    forward_sample(call, sample, training, probability);
    float loss = -math::log(probability[label[sample]] + 1e-10f);
    correct[sample] = best_class(probability) == label[sample] ? 1.0f : 0.0f;
    if (!training) {
      static_cast<float*>(call->buffers[Loss])[sample] = loss;
      continue;
    }
    float* row = delta + sample * (fake_classes + 1);
    for (int64_t c = 0; c < fake_classes; ++c) row[c] = probability[c] - (c == label[sample] ? 1.0f : 0.0f);
    row[fake_classes] = loss;
  }
}

inline void update_kernel(const kiln_kernel_args* args, int64_t begin, int64_t end, void*) {
  const kiln_call* call = args->call;
  int64_t batch = args->scalars[0];
  float rate = *static_cast<const float*>(call->buffers[Rate]);
  auto* image = static_cast<const uint8_t*>(call->buffers[Image]);
  auto* delta = static_cast<const float*>(call->buffers[Delta]);
  for (int64_t c = begin; c < end; ++c) {
    for (int64_t p = 0; p <= fake_pixels; ++p) {
      bool is_bias = p == fake_pixels;
      float gradient = 0;
      for (int64_t s = 0; s < batch; ++s)
        gradient += delta[s * (fake_classes + 1) + c] *
                    (is_bias ? 1.0f : static_cast<float>(image[s * fake_pixels + p]) / 255.0f);
      gradient /= static_cast<float>(batch);
      float* momentum = static_cast<float*>(call->buffers[is_bias ? BiasMomentum : WeightMomentum]) +
                        (is_bias ? c : c * fake_pixels + p);
      float* value = static_cast<float*>(call->buffers[is_bias ? Bias : Weight]) + (is_bias ? c : c * fake_pixels + p);
      *momentum = 0.9f * *momentum + gradient;
      *value -= rate * *momentum;
    }
  }
}

template <int64_t batch> int32_t fake_train_step(const kiln_call* call) {
  if (before_step) before_step(call->step);
  int64_t scalars[1] = {batch};
  kiln_kernel_args args = {nullptr, scalars, call};
  kiln_parallel_for(call, loss_kernel<true>, &args, batch);
  auto* delta = static_cast<const float*>(call->buffers[Delta]);
  float sum = 0;
  for (int64_t s = 0; s < batch; ++s) sum += delta[s * (fake_classes + 1) + fake_classes];
  static_cast<float*>(call->buffers[Loss])[0] = sum / static_cast<float>(batch);
  kiln_parallel_for(call, update_kernel, &args, fake_classes);
  static_cast<float*>(call->buffers[StepCount])[0] += 1;
  if (call->hook) call->hook(call->hook_context, 0);
  return KILN_OK;
}

template <int64_t batch> int32_t fake_evaluate(const kiln_call* call) {
  kiln_kernel_args args = {nullptr, nullptr, call};
  kiln_parallel_for(call, loss_kernel<false>, &args, batch);
  if (call->hook) call->hook(call->hook_context, 0);
  return KILN_OK;
}

// Its "probability" takes the place of "loss" among the buffers.
template <int64_t batch> int32_t fake_predict(const kiln_call* call) {
  for (int64_t s = 0; s < batch; ++s)
    forward_sample(call, s, false, static_cast<float*>(call->buffers[Loss]) + s * fake_classes);
  if (call->hook) call->hook(call->hook_context, 0);
  return KILN_OK;
}

inline kiln_tensor fake_tensor(const char* name, kiln_dtype dtype, std::initializer_list<int64_t> dims) {
  kiln_tensor tensor = {};
  tensor.name = name;
  tensor.dtype = dtype;
  for (int64_t dim : dims) tensor.dims[tensor.rank++] = dim;
  tensor.layout = plain_layout();
  tensor.bytes = logical_bytes(tensor);
  return tensor;
}

// Owns all descriptions. train_step of batches 8 and 16; evaluate of batches 1, 7 and 64; predict of batch 4.
struct FakeProgram {
  FakeProgram() {
    add_state("fc.weight", {fake_classes, fake_pixels}, KILN_PARAMETER, {KILN_INIT_NORMAL, 0, 0.1f}, 11);
    add_state("fc.bias", {fake_classes}, KILN_PARAMETER, {KILN_INIT_CONSTANT, 0, 0}, 12);
    add_state("fc.weight.momentum", {fake_classes, fake_pixels}, KILN_OPTIMIZER, {KILN_INIT_CONSTANT, 0, 0}, 13);
    add_state("fc.bias.momentum", {fake_classes}, KILN_OPTIMIZER, {KILN_INIT_CONSTANT, 0, 0}, 14);
    add_state("count", {1}, KILN_STATISTIC, {KILN_INIT_CONSTANT, 0, 0}, 15);
    bound.reserve(8); // pointers into it are taken
    add_function("train_step", fake_train_step<8>, 8);
    add_function("train_step", fake_train_step<16>, 16);
    add_function("evaluate", fake_evaluate<1>, 1);
    add_function("evaluate", fake_evaluate<7>, 7);
    add_function("evaluate", fake_evaluate<64>, 64);
    add_function("predict", fake_predict<4>, 4);
    program.abi_version = KILN_ABI_VERSION;
    program.name = "fake";
    program.plan_hash = "1111111111111111222222222222222233333333333333334444444444444444";
    program.isa = "x86-64";
    program.states = states.data();
    program.state_count = static_cast<int32_t>(states.size());
    program.functions = functions.data();
    program.function_count = static_cast<int32_t>(functions.size());
    program.experiment = "network { name: \"fake\" }\n";
    program.class_count = fake_classes;
    training.batch = 8;
    training.epochs = 3;
    training.seed = 7;
    training.schedule.kind = KILN_SCHEDULE_EXP;
    training.schedule.base = 0.1;
    training.schedule.gamma = 0.999;
    training.evaluate_every_epochs = 1;
    training.shuffle = 1;
  }
  FakeProgram(const FakeProgram&) = delete;
  FakeProgram& operator=(const FakeProgram&) = delete;

  kiln_program program = {};
  kiln_training training = {};

  // As a network whose labels are no classes: nothing says how many were predicted.
  void without_classes() {
    program.class_count = 0;
    for (Bound& parts : bound)
      for (kiln_tensor& output : parts.outputs)
        if (std::string_view(output.name) == "correct") output.name = "unused";
  }
  void rename_input(std::string_view from, const char* to) {
    for (Bound& parts : bound)
      for (kiln_tensor& input : parts.inputs)
        if (input.name == from) input.name = to;
  }

private:
  struct Bound {
    std::vector<kiln_tensor> inputs, outputs;
    std::vector<kiln_buffer> buffers;
  };

  void add_state(const char* name, std::initializer_list<int64_t> dims, kiln_state_role role,
                 kiln_initializer initializer, uint64_t stream) {
    states.push_back({fake_tensor(name, KILN_F32, dims), role, initializer, stream, 0, nullptr});
  }

  void add_function(const char* name, kiln_entry entry, int64_t batch) {
    static constexpr kiln_step step = {"all", "all", "plain", "fc", 0, 0};
    Bound& parts = bound.emplace_back();
    bool predict = std::string_view(name) == "predict", train = std::string_view(name) == "train_step";
    parts.inputs = {fake_tensor("image", KILN_U8, {batch, fake_height, fake_width, 1}),
                    fake_tensor("label", KILN_I32, {batch}), fake_tensor("learning_rate", KILN_F32, {1})};
    if (predict)
      parts.outputs = {fake_tensor("probability", KILN_F32, {batch, fake_classes})};
    else
      parts.outputs = {fake_tensor("loss", KILN_F32, {train ? 1 : batch}), fake_tensor("correct", KILN_F32, {batch})};
    for (int32_t index = 0; index < 5; ++index)
      parts.buffers.push_back({KILN_BUFFER_STATE, index, 0, states[static_cast<size_t>(index)].tensor.bytes, 0, 0});
    for (int32_t index = 0; index < 3; ++index)
      parts.buffers.push_back({KILN_BUFFER_INPUT, index, 0, parts.inputs[static_cast<size_t>(index)].bytes, 0, 0});
    for (int32_t index = 0; index < static_cast<int32_t>(parts.outputs.size()); ++index)
      parts.buffers.push_back({KILN_BUFFER_OUTPUT, index, 0, parts.outputs[static_cast<size_t>(index)].bytes, 0, 0});
    int64_t delta_bytes = batch * (fake_classes + 1) * 4, padded = (delta_bytes + 63) / 64 * 64;
    if (!predict) parts.buffers.push_back({KILN_BUFFER_ARENA, 0, 0, delta_bytes, 0, 0});
    kiln_function function = {};
    function.name = name;
    function.entry = entry;
    function.batch = batch;
    function.inputs = parts.inputs.data();
    function.input_count = static_cast<int32_t>(parts.inputs.size());
    function.outputs = parts.outputs.data();
    function.output_count = static_cast<int32_t>(parts.outputs.size());
    function.buffers = parts.buffers.data();
    function.buffer_count = static_cast<int32_t>(parts.buffers.size());
    function.steps = &step;
    function.step_count = 1;
    function.arena_bytes = predict ? 0 : padded;
    functions.push_back(function);
  }

  std::vector<kiln_state> states;
  std::vector<Bound> bound;
  std::vector<kiln_function> functions;
};

} // namespace kiln::runtime::testing
